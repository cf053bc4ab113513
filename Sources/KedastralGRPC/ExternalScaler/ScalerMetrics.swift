import KedastralCore
import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What the scaler service tells about its answers.
///
/// Each loop has its own; those of one server share a ``ScalerSeries``.
final class ScalerMetrics {
  /// How long after the last question a workload's series end.
  static let memory = 600.0

  private let series: ScalerSeries
  /// The series that this loop holds.
  private var workloads: [String: (series: ScalerSeries.Workload, usedAt: Date)] = [:]
  /// How long plans are under way.
  let delay: Metric
  /// State streams open now.
  let streams: Metric

  init(_ registry: MetricsRegistry, _ series: ScalerSeries) {
    self.series = series
    delay = registry.histogram(
      "kedastral_scaler_forecast_delay_seconds",
      help: "Time from a plan's generation until it is served, for plans that replace an earlier one.",
      buckets: [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60]
    ).with()
    streams = registry.gauge("kedastral_scaler_streams", help: "Number of open state streams to KEDA.").with()
  }

  /// The series of `workload`, which is known to exist and was requested at `now`.
  func series(of workload: String, at now: Date) -> ScalerSeries.Workload {
    if let index = workloads.index(forKey: workload) {
      workloads.values[index].usedAt = now
      return workloads.values[index].series
    }
    let new = series.hold(workload)
    workloads[workload] = (new, now)
    return new
  }

  /// Lets go of a workload that is gone.
  func remove(_ workload: String) {
    if workloads.removeValue(forKey: workload) != nil { series.release(workload) }
  }

  /// Lets go of workloads that KEDA has stopped requesting, of this replica or at all: an old age is not one that it saw.
  func removeUnused(at now: Date) {
    for (workload, held) in workloads where now.timeIntervalSince(held.usedAt) > Self.memory { remove(workload) }
  }
}

/// The series of each workload that KEDA requests, for all loops of a server.
///
/// Loops learn of a change one after the other. So a workload's series end when the last loop lets go of them, and one loop
/// that is late does not end those that another one writes.
final class ScalerSeries: Sendable {
  /// The series of one workload.
  struct Workload: Sendable {
    /// The last answer.
    let replicas: Metric
    /// The age of the plan behind it.
    let age: Metric
  }

  private let replicas: MetricFamily
  private let age: MetricFamily
  private let beyondHorizon: MetricFamily
  /// How many loops hold a workload's series.
  private let holders = Mutex<[String: Int]>([:])

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
  }

  /// The series of a workload, until ``release(_:)``.
  func hold(_ workload: String) -> Workload {
    holders.withLock { holders in
      holders[workload, default: 0] += 1
      return Workload(replicas: replicas.with(workload), age: age.with(workload))
    }
  }

  /// Ends a hold; the last one ends the series.
  func release(_ workload: String) {
    holders.withLock { holders in
      guard let count = holders[workload] else { return }
      holders[workload] = count > 1 ? count - 1 : nil
      guard count == 1 else { return }
      replicas.remove(workload)
      age.remove(workload)
      beyondHorizon.remove(workload)
    }
  }

  /// Counts an answer from the plan's end, about a workload that is held.
  func countBeyondHorizon(_ workload: String) { beyondHorizon.with(workload).increment() }
}
