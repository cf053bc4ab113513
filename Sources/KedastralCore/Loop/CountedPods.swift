#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The ready pods of a workload's target, as a source whose newest sample is their number now.
///
/// Earlier numbers are unknown, except between two readings with the same number.
package actor CountedPods: MetricSource {
  /// The replicas of the target can be read, but not which of its pods are ready.
  struct ReadinessUnknown: Error, CustomStringConvertible {
    let description = "which pods of the target are ready is unknown: its pods cannot be listed"
  }

  /// The longest time between two readings in which the number counts as unchanged.
  private static let longestGap = Duration.seconds(600)

  private let counter: any PodCounter
  private var last: (instant: Date, ready: Int)?

  package init(_ counter: any PodCounter) { self.counter = counter }

  package func samples(in range: Range<Date>, step: Duration) async throws -> TimeSeries {
    var series = TimeSeries.missing(in: range, step: step)
    guard let newest = series.values.indices.last else { return series }
    guard let ready = try await counter.runningPods().ready else { throw ReadinessUnknown() }
    let instant = series.instant(at: newest)
    if let last, last.ready == ready, instant <= last.instant + max(Self.longestGap, step) {
      for index in series.values.indices where series.instant(at: index) > last.instant {
        series.values[index] = Double(ready)
      }
    }
    series.values[newest] = Double(ready)
    last = (instant, ready)
    return series
  }
}
