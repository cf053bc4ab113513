/// The forecaster's metrics, with the names that dashboards and alerts of the Go implementation use.
struct ForecastMetrics: Sendable {
  private let collectSeconds: Metric
  private let predictSeconds: Metric
  private let capacitySeconds: Metric
  private let storeSeconds: Metric
  private let errors: MetricFamily
  private let desiredReplicas: MetricFamily
  private let predictedValue: MetricFamily
  private let mase: MetricFamily

  init(_ registry: MetricsRegistry) {
    collectSeconds = registry.histogram(
      "kedastral_adapter_collect_seconds", help: "Time to collect new samples from the metric source."
    ).with()
    predictSeconds = registry.histogram(
      "kedastral_model_predict_seconds", help: "Time to forecast, including refits."
    ).with()
    capacitySeconds = registry.histogram(
      "kedastral_capacity_compute_seconds", help: "Time to compute replicas from a forecast."
    ).with()
    storeSeconds = registry.histogram(
      "kedastral_store_put_seconds", help: "Time to store a snapshot."
    ).with()
    errors = registry.counter(
      "kedastral_errors_total", help: "Failed forecast rounds, by the stage that failed.",
      labels: ["workload", "stage"])
    desiredReplicas = registry.gauge(
      "kedastral_desired_replicas", help: "Replicas planned for the current step.", labels: ["workload"])
    predictedValue = registry.gauge(
      "kedastral_predicted_value", help: "Load forecast for the end of the horizon's first step.", labels: ["workload"])
    mase = registry.gauge(
      "kedastral_forecast_mase",
      help: "Error of recent forecasts divided by that of repeating the previous day; above 1 the forecasts are worse.",
      labels: ["workload"])
  }

  /// Records how long a stage of a workload's round took; the workload is kept as an exemplar.
  func observe(_ stage: ForecastStage, _ duration: Duration, of workload: WorkloadName) {
    let metric =
      switch stage {
      case .collect: collectSeconds
      case .forecast: predictSeconds
      case .plan: capacitySeconds
      case .store: storeSeconds
      }
    metric.observe(duration.inSeconds, exemplar: workload.text)
  }

  func count(_ failure: ForecastFailure) {
    errors.with(failure.workload.text, failure.stage.rawValue).increment()
  }

  func publish(_ snapshot: Snapshot) {
    desiredReplicas.with(snapshot.workload.text).set(Double(snapshot.desiredReplicas.first ?? 0))
    predictedValue.with(snapshot.workload.text).set(snapshot.values.first ?? 0)
    if let value = snapshot.accuracy?.mase { mase.with(snapshot.workload.text).set(value) }
  }

  /// Ends the series of a plan that has ended without a newer one: they would stay as they are for as long as rounds fail.
  func forgetPlan(_ workload: WorkloadName) {
    for family in [desiredReplicas, predictedValue, mase] { family.remove(workload.text) }
  }

  func forget(_ workload: WorkloadName) {
    forgetPlan(workload)
    for stage in ForecastStage.allCases { errors.remove(workload.text, stage.rawValue) }
  }
}
