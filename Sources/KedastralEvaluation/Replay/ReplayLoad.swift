import KedastralCore
import KedastralModels

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A recorded load as a replay plays it: minute by minute, constant within each.
///
/// Sample `m` of `minutes` is the load of the minute that ends there. In a trace of a longer step, each value is held over its
/// step, unless linear interpolation is requested; a trace of a shorter step is averaged. Minutes without a measurement are NaN: policies see no metric then, and nothing is scored.
public struct ReplayLoad: Sendable {
  /// How many times an autoscaler looks each minute.
  public static let syncsPerMinute = SimulatedAutoscaler.syncsPerMinute

  /// How the minutes within a step of more than a minute get their load.
  package enum Interpolation: String, Sendable, CaseIterable {
    /// Each value is held over its step. No minute contains anything of the next sample.
    case hold
    /// Between two samples the load is a line, so the first minutes of a step show where the next sample is.
    case linear
  }

  /// The load of each minute.
  public let minutes: TimeSeries
  /// The trace as recorded, without infinities and negative values.
  public let trace: TimeSeries

  /// How the minutes within a step were filled; nil when the trace has steps of at most a minute.
  package let interpolation: Interpolation?

  /// Creates a load of a trace; each value of a step of more than a minute is held over its step.
  public init(_ trace: TimeSeries) { self.init(trace, interpolation: .hold) }

  /// Creates a load of a trace.
  ///
  /// - Parameter interpolation: how the minutes within a step of more than a minute get their load.
  package init(_ trace: TimeSeries, interpolation: Interpolation) {
    self.trace = TimeSeries(
      start: trace.start, step: trace.step, values: trace.values.map { $0.isFinite ? max(0, $0) : .nan })
    self.interpolation = trace.step > .seconds(60) ? interpolation : nil
    minutes =
      self.interpolation == .hold ? self.trace.held(to: .seconds(60)) : self.trace.resampled(to: .seconds(60))
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
    SimulatedAutoscaler.syncs(in: duration)
  }
}
