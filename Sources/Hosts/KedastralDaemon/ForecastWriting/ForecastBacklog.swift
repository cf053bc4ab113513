import KedastralCore
import KedastralSources

import struct KedastralHTTP.ForecastSeries

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What a receiver of series lacks of the forecasts: plans go in, samples for times ahead come out.
///
/// Receivers such as Prometheus keep the first value of a time and demand ascending times. So each time is written once, as soon
/// as it is as near as the workload's `series.write` says. Only the newest plan of a workload is kept, and times that pass while
/// the receiver is unavailable are left out: nothing is queued.
struct ForecastBacklog: Sendable {
  /// The samples of one workload.
  struct Part: Sendable, Equatable {
    let workload: WorkloadName
    /// The times, in milliseconds since 1970; ascending.
    let instants: [Int64]
    let series: [RemoteWriteRequest.Series]

    var sampleCount: Int { instants.count * series.count }

    /// This with its last time alone.
    var newest: Part {
      Part(
        workload: workload, instants: instants.suffix(1),
        series: series.map {
          var last = $0
          last.samples = Array(last.samples.suffix(1))
          return last
        })
    }
  }

  private struct Plan {
    let snapshot: Snapshot
    let series: ForecastSeries
  }

  /// The newest plans that have not been looked at.
  private var plans: [WorkloadName: Plan] = [:]
  /// The last time that has been written, while it is ahead.
  private var writtenUntil: [WorkloadName: Int64] = [:]

  /// Notes a new plan.
  mutating func add(_ snapshot: Snapshot, _ series: ForecastSeries) {
    plans[snapshot.workload] = Plan(snapshot: snapshot, series: series)
  }

  /// The samples of the next request; empty when the receiver has all.
  ///
  /// - Parameter limit: the number of samples from which the request is large enough.
  mutating func next(limit: Int, at now: Date) -> [Part] {
    let present = Self.milliseconds(now)
    writtenUntil = writtenUntil.filter { $0.value > present }
    var parts: [Part] = []
    var count = 0
    for workload in plans.keys.sorted() {
      guard count < limit else { break }
      guard let plan = plans.removeValue(forKey: workload) else { continue }
      let part = Self.part(of: plan, after: max(present, writtenUntil[workload] ?? present), at: present)
      guard !part.instants.isEmpty else { continue }
      parts.append(part)
      count += part.sampleCount
    }
    return parts
  }

  /// Notes that the receiver has these samples, or never takes them.
  mutating func settle(_ parts: [Part]) {
    for part in parts {
      if let last = part.instants.last { writtenUntil[part.workload] = last }
    }
  }

  private static func milliseconds(_ instant: Date) -> Int64 {
    Int64((instant.timeIntervalSince1970 * 1000).rounded(.down))
  }

  /// The samples of a plan on the grid of its step, so that times do not depend on when a plan was made.
  private static func part(of plan: Plan, after last: Int64, at now: Int64) -> Part {
    let snapshot = plan.snapshot
    let step = max(1, Int64(snapshot.step / .milliseconds(1)))
    let reach = now + Int64((plan.series.write ?? .zero) / .milliseconds(1))
    let end = milliseconds(snapshot.generatedAt) + step * Int64(snapshot.desiredReplicas.count)
    let first = (last / step + 1) * step
    let instants = Array(stride(from: first, through: min(reach, end - 1), by: Int64.Stride(step)))
    let indices = instants.map { snapshot.stepIndex(at: Date(timeIntervalSince1970: Double($0) / 1000)) }
    func series(_ metric: String, level: String = "", _ path: [Double]) -> RemoteWriteRequest.Series {
      RemoteWriteRequest.Series(
        metric, labels: ["workload": snapshot.workload.text, "level": level],
        samples: zip(instants, indices).map { .init(instant: $0, value: path[$1]) })
    }
    let levels = plan.series.quantiles.compactMap { level in
      snapshot.quantiles[level].map { series("kedastral_forecast_load", level: "\(level)", $0) }
    }
    return Part(
      workload: snapshot.workload, instants: instants,
      series: [series("kedastral_forecast_load", snapshot.values)] + levels + [
        series("kedastral_forecast_replicas", snapshot.desiredReplicas.map(Double.init))
      ])
  }
}
