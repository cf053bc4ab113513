import KedastralCore
import KedastralModels

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A recorded load as a replay plays it: minute by minute, constant within each.
///
/// Sample `m` of `minutes` is the load of the minute that ends there. A trace of a longer step is interpolated linearly, one of
/// a shorter step averaged. Minutes without a measurement are NaN: policies see no metric then, and nothing is scored.
public struct ReplayLoad: Sendable {
  /// How many times an autoscaler looks each minute.
  public static let syncsPerMinute = 4

  /// The load of each minute.
  public let minutes: TimeSeries
  /// The trace as recorded, without infinities and negative values.
  public let trace: TimeSeries

  /// Creates a load of a trace.
  public init(_ trace: TimeSeries) {
    self.trace = TimeSeries(
      start: trace.start, step: trace.step, values: trace.values.map { $0.isFinite ? max(0, $0) : .nan })
    minutes = self.trace.resampled(to: .seconds(60))
  }

  /// The load that a pod must be able to serve so that the trace's 99th percentile needs `pods` of them.
  public func podCapacity(pods: Double = 20) -> Double {
    let sorted = minutes.values.filter(\.isFinite).sorted()
    let percentile = OrderStatistics.quantile(0.99, ofSorted: sorted)
    return percentile.isFinite && percentile > 0 ? percentile / pods : 1
  }

  /// The samples that a forecaster with this step collects.
  public func samples(step: Duration) -> TimeSeries {
    step == trace.step ? trace : minutes.resampled(to: step)
  }

  /// When a sync begins; sync 0 is the first one of minute 0.
  func instant(ofSync sync: Int) -> Date {
    minutes.instant(at: -1).addingTimeInterval(Double(sync) * HorizontalAutoscaler.syncPeriod.inSeconds)
  }

  /// The rate over the minute that ends at a sync's beginning.
  func observedLoad(atSync sync: Int) -> Double {
    let minute = sync / Self.syncsPerMinute
    let share = Double(sync % Self.syncsPerMinute) / Double(Self.syncsPerMinute)
    let before = minute > 0 ? minutes.values[minute - 1] : minutes.values[minute]
    return share == 0 ? before : before * (1 - share) + minutes.values[minute] * share
  }

  /// How many syncs a duration has, rounded up.
  static func syncs(in duration: Duration) -> Int {
    Int((duration.inSeconds / HorizontalAutoscaler.syncPeriod.inSeconds - 1e-9).rounded(.up))
  }
}
