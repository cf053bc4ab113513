import KedastralCore
import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The part of a workload's forecast that is exported as metrics of its own.
package struct ForecastSeries: Sendable, Equatable {
  /// How far ahead of the scrape the exported values are; ascending, each once.
  package let ahead: [Duration]
  /// The exported quantile levels, in (0, 1); ascending, each once.
  package let quantiles: [Double]
  /// How far ahead the forecast is written to a receiver of remote write; nil when it is not.
  package let write: Duration?

  /// - Parameters:
  ///   - ahead: how far ahead of the scrape the exported values are; positive.
  ///   - quantiles: the levels to export beside the forecast itself, in (0, 1).
  ///   - write: how far ahead the forecast is written to a receiver of remote write; positive, nil for not at all.
  package init(ahead: [Duration], quantiles: [Double], write: Duration? = nil) {
    self.ahead = Set(ahead).sorted()
    self.quantiles = Set(quantiles).sorted()
    self.write = write
  }
}

/// Exports parts of forecasts: `kedastral_forecast{workload,ahead,level}`, with an empty level for the forecast itself,
/// and `kedastral_forecast_required_replicas{workload,ahead}`.
///
/// A workload's series are looked up once, so an update costs one atomic store for each of them. One update at a time.
final class ForecastSeriesMetrics: Sendable {
  /// A workload's series, and what they were made for.
  private struct Exported {
    let series: ForecastSeries
    /// The levels that the plan has.
    let levels: [Double]
    /// For each distance the forecast, then each of the levels.
    let loads: [[Metric]]
    /// For each distance; empty when the plan does not contain the required replicas.
    let required: [Metric]
  }

  private let load: MetricFamily
  private let required: MetricFamily
  private let exported = Mutex<[String: Exported]>([:])

  init(_ registry: MetricsRegistry) {
    load = registry.gauge(
      "kedastral_forecast",
      help:
        "Load forecast for a time ahead of now, and its quantiles by level; the forecast itself has an empty level.",
      labels: ["workload", "ahead", "level"])
    required = registry.gauge(
      "kedastral_forecast_required_replicas",
      help: "Replicas that the load requires until a time ahead of now, before any limit.",
      labels: ["workload", "ahead"])
  }

  /// Writes a workload's series as of `now`; without `series` it has none.
  func publish(_ series: ForecastSeries?, of snapshot: Snapshot, at now: Date) {
    let workload = snapshot.workload.text
    guard let series, !series.ahead.isEmpty else { return forget(workload) }
    let levels = series.quantiles.filter { snapshot.quantiles[$0] != nil }
    let hasRequired = snapshot.requiredReplicas.count == snapshot.desiredReplicas.count
    let metrics = exported.withLock { exported in
      if let present = exported[workload], present.series == series, present.levels == levels,
        present.required.isEmpty != hasRequired
      {
        return present
      }
      if let former = exported[workload] { remove(former, of: workload) }
      let new = Exported(
        series: series, levels: levels,
        loads: series.ahead.map { ahead in
          let text = DurationText.format(ahead)
          return [load.with(workload, text, "")] + levels.map { load.with(workload, text, "\($0)") }
        },
        required: hasRequired ? series.ahead.map { required.with(workload, DurationText.format($0)) } : [])
      exported[workload] = new
      return new
    }
    let paths = [snapshot.values] + levels.compactMap { snapshot.quantiles[$0] }
    for (ahead, loads) in zip(series.ahead, metrics.loads) {
      let step = snapshot.stepIndex(at: now + ahead)
      for (metric, path) in zip(loads, paths) { metric.set(path[step]) }
    }
    for (ahead, metric) in zip(series.ahead, metrics.required) {
      metric.set(Double(snapshot.requirement(leadTime: ahead, at: now) ?? 0))
    }
  }

  /// Drops a workload's series.
  func forget(_ workload: String) {
    guard let former = exported.withLock({ $0.removeValue(forKey: workload) }) else { return }
    remove(former, of: workload)
  }

  private func remove(_ former: Exported, of workload: String) {
    for ahead in former.series.ahead.map(DurationText.format) {
      load.remove(workload, ahead, "")
      for level in former.levels { load.remove(workload, ahead, "\(level)") }
      required.remove(workload, ahead)
    }
  }
}
