import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// How often the pods of each of many workloads may be counted, so that all together cost a request per second at most.
package final class CountingPace: Sendable {
  /// A count needs two requests.
  private static let timePerCount = Duration.seconds(2)
  /// Numbers that are older than this are unknown. Workloads that would have to wait longer are not counted.
  static let longestInterval = Duration.seconds(600)

  private let workloads = Mutex(0)

  package init() {}

  fileprivate func join() { workloads.withLock { $0 += 1 } }
  fileprivate func leave() { workloads.withLock { $0 -= 1 } }

  /// The least time between two counts of one workload; nil when there are too many workloads.
  fileprivate var interval: Duration? {
    let interval = Self.timePerCount * workloads.withLock { $0 }
    return interval <= Self.longestInterval ? interval : nil
  }
}

/// The ready pods of a workload's target, as a source whose newest sample is their number now.
///
/// Earlier numbers are unknown, except between two readings with the same number. Between the counts that the pace permits there are
/// no samples, so that the next count is asked for the time since the last one.
package actor CountedPods: MetricSource {
  /// The replicas of the target can be read, but not which of its pods are ready.
  struct ReadinessUnknown: Error, CustomStringConvertible {
    let description = "which pods of the target are ready is unknown: its pods cannot be listed"
  }

  private let counter: any PodCounter
  private let pace: CountingPace
  private var last: (instant: Date, ready: Int)?

  package init(_ counter: any PodCounter, at pace: CountingPace) {
    self.counter = counter
    self.pace = pace
    pace.join()
  }

  deinit { pace.leave() }

  package func samples(in range: Range<Date>, step: Duration) async throws -> TimeSeries {
    var series = TimeSeries.missing(in: range, step: step)
    guard let newest = series.values.indices.last else { return series }
    let earliest = pace.interval.map { interval in last.map { $0.instant + interval } ?? .distantPast }
    guard let earliest, series.instant(at: newest) >= earliest else {
      series.values = []
      return series
    }
    guard let ready = try await counter.runningPods().ready else { throw ReadinessUnknown() }
    let instant = series.instant(at: newest)
    if let last, last.ready == ready, instant <= last.instant + max(CountingPace.longestInterval, step) {
      for index in series.values.indices where series.instant(at: index) > last.instant {
        series.values[index] = Double(ready)
      }
    }
    series.values[newest] = Double(ready)
    last = (instant, ready)
    return series
  }
}
