import KedastralCore
import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The metrics that follow from the newest plan of each workload that this process forecasts, and from the clock.
///
/// The plans of other processes are theirs to export: otherwise an alert on a silent process could not fire while another one
/// reads the same store. One update at a time.
final class PlanMetrics: Sendable {
  /// The quantiles that are exported, as far as the plan has them.
  private static let levels = [0.5, 0.9]

  private let age: MetricFamily
  private let load: MetricFamily
  private let forecast: MetricFamily
  private let quantile: MetricFamily
  private let capped: MetricFamily
  private let required: MetricFamily
  private let error: MetricFamily
  private let coverage: MetricFamily
  private let states: MetricFamily
  private let sampleAge: MetricFamily
  private let learning: Metric
  private let lead: Metric
  private let ownLead: MetricFamily
  private let startup: MetricFamily
  /// The workloads that have series.
  private let published = Mutex<Set<String>>([])

  init(_ registry: MetricsRegistry) {
    age = registry.gauge(
      "kedastral_forecast_age_seconds", help: "Age of the newest forecast of a workload.", labels: ["workload"])
    load = registry.gauge(
      "kedastral_measured_load", help: "Last measured load; absent when no sample is recent.", labels: ["workload"])
    forecast = registry.gauge(
      "kedastral_forecast_at_lead_time", help: "Load forecast for one lead time from now.", labels: ["workload"])
    quantile = registry.gauge(
      "kedastral_forecast_quantile_at_lead_time",
      help: "Quantile of the load forecast for one lead time from now, by level.",
      labels: ["workload", "level"])
    capped = registry.gauge(
      "kedastral_plan_capped",
      help: "Whether limits keep the plan below what the load requires until the lead time.", labels: ["workload"])
    required = registry.gauge(
      "kedastral_required_replicas", help: "Replicas that the load requires until the lead time, before any limit.",
      labels: ["workload"])
    error = registry.gauge(
      "kedastral_forecast_relative_error",
      help: "Mean absolute error of recent forecasts five minutes ahead, divided by the mean load.",
      labels: ["workload"])
    coverage = registry.gauge(
      "kedastral_forecast_coverage",
      help: "Share of recent loads at or below a quantile of their forecast, by its level.",
      labels: ["workload", "level"])
    sampleAge = registry.gauge(
      "kedastral_sample_age_seconds", help: "Age of the newest sample that a workload's plan is based on.",
      labels: ["workload"])
    states = registry.gauge(
      "kedastral_workloads", help: "Workloads that this process forecasts, by state.", labels: ["state"])
    learning = registry.gauge(
      "kedastral_workloads_learning",
      help: "Workloads planned from their last hours alone, because their histories are still to be read and fitted."
    ).with()
    lead = registry.gauge("kedastral_lead_time_seconds", help: "The lead time with which plans are shown.").with()
    ownLead = registry.gauge(
      "kedastral_workload_lead_time_seconds",
      help: "The lead time for a workload's triggers that set none; absent when the scaler's counts.",
      labels: ["workload"])
    startup = registry.gauge(
      "kedastral_pod_startup_seconds",
      help: "95th percentile of the time from a pod's creation until it was ready, where it is measured.",
      labels: ["workload"])
  }

  /// Writes them; `isOwn` says for which workloads.
  func publish(_ overview: Overview, leadTime: Duration, isOwn: (WorkloadName) -> Bool) {
    lead.set(leadTime.inSeconds)
    let rows = overview.rows.filter { isOwn($0.workload) }
    let counts = rows.counts
    for state in WorkloadState.allCases { states.with(state.rawValue).set(Double(counts[state] ?? 0)) }
    learning.set(Double(rows.count { $0.snapshot?.isLearning == true }))
    var names: Set<String> = []
    for row in rows {
      guard let snapshot = row.snapshot else { continue }
      names.insert(row.workload.text)
      publish(row, snapshot, leadTime: leadTime, at: overview.now)
    }
    let gone = published.withLock { published in
      defer { published = names }
      return published.subtracting(names)
    }
    for name in gone { forget(name) }
  }

  private func publish(_ row: OverviewRow, _ snapshot: Snapshot, leadTime: Duration, at now: Date) {
    let name = row.workload.text
    let step = snapshot.stepIndex(at: now + snapshot.leadTime(orElse: leadTime))
    func set(_ family: MetricFamily, _ value: Double?) {
      if let value { family.with(name).set(value) } else { family.remove(name) }
    }
    func set(_ family: MetricFamily, _ level: Double, _ value: Double?) {
      if let value { family.with(name, "\(level)").set(value) } else { family.remove(name, "\(level)") }
    }
    set(age, snapshot.age(at: now).inSeconds)
    set(load, snapshot.currentValue)
    set(sampleAge, snapshot.sampleAge(at: now)?.inSeconds)
    set(forecast, snapshot.values[step])
    set(capped, row.required == nil ? nil : row.isCapped ? 1 : 0)
    set(required, row.required.map(Double.init))
    set(error, snapshot.accuracy?.relativeError)
    set(ownLead, snapshot.leadTime?.duration.inSeconds)
    set(startup, snapshot.leadTime?.startup?.seconds)
    for level in Self.levels {
      set(quantile, level, snapshot.quantiles[level]?[step])
      set(coverage, level, snapshot.accuracy?.coverage?["\(level)"])
    }
  }

  /// Drops a workload's series.
  private func forget(_ workload: String) {
    for family in [age, load, sampleAge, forecast, capped, required, error, ownLead, startup] {
      family.remove(workload)
    }
    for level in Self.levels {
      quantile.remove(workload, "\(level)")
      coverage.remove(workload, "\(level)")
    }
  }
}
