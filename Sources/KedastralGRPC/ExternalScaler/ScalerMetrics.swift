import KedastralCore

/// What the scaler service tells about its answers.
final class ScalerMetrics {
  /// The series of one workload, looked up once.
  struct Workload {
    let replicas: Metric
    let age: Metric
  }

  private let replicas: MetricFamily
  private let age: MetricFamily
  private let beyondHorizon: MetricFamily
  /// How long plans are under way.
  let delay: Metric
  private var workloads: [String: Workload] = [:]
  /// State streams open now.
  let streams: Metric

  init(_ registry: MetricsRegistry) {
    replicas = registry.gauge(
      "kedastral_scaler_desired_replicas_returned", help: "The last replica count returned to KEDA.",
      labels: ["workload"])
    age = registry.gauge(
      "kedastral_scaler_forecast_age_seen_seconds", help: "The age of the plan used for the last response.",
      labels: ["workload"])
    beyondHorizon = registry.counter(
      "kedastral_scaler_lead_beyond_horizon_total",
      help: "Number of responses that used the end of the plan because the lead time reaches further.",
      labels: ["workload"])
    delay = registry.histogram(
      "kedastral_scaler_forecast_delay_seconds",
      help: "Time from a plan's generation until it is served, for plans that replace an earlier one.",
      buckets: [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60]
    ).with()
    streams = registry.gauge("kedastral_scaler_streams", help: "Number of open state streams to KEDA.").with()
  }

  /// The series of `workload`, which is known to exist.
  subscript(workload: String) -> Workload {
    if let present = workloads[workload] { return present }
    let new = Workload(replicas: replicas.with(workload), age: age.with(workload))
    workloads[workload] = new
    return new
  }

  /// Counts an answer from the plan's end.
  func countBeyondHorizon(_ workload: String) { beyondHorizon.with(workload).increment() }

  /// Drops a workload that is gone.
  func remove(_ workload: String) {
    guard workloads.removeValue(forKey: workload) != nil else { return }
    replicas.remove(workload)
    age.remove(workload)
    beyondHorizon.remove(workload)
  }
}
