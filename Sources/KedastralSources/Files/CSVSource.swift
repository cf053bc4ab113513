import KedastralCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Replays a recorded load series as if it happened now, on the injected clock: it returns no samples from the clock's
/// future.
///
///     let trace = try TraceFile(path: "traces/twitter-stream-rps-1m.csv").series
///     let source = CSVSource(trace, clock: clock, playback: .shifted(position: trace.instant(at: 4 * 1440), to: clock.now))
///
/// For the trace's own step and grid, it returns the recorded samples. A longer step returns the mean of the samples
/// that end within it (missing ones left out), a shorter one, or another grid, linear interpolation between two samples
/// (missing when either is); this can use a sample up to one recorded step ahead of the clock.
public struct CSVSource: MetricSource {
  /// How the trace's time maps to the clock's.
  public enum Playback: Sendable, Equatable {
    /// Unchanged: at the recorded instants.
    case asRecorded
    /// Moved so that `position`, an instant of the trace, is at `instant`; repeated endlessly in both directions when
    /// it loops.
    case shifted(position: Date, to: Date, loops: Bool = true)
  }

  /// The trace as recorded.
  public let trace: TimeSeries
  private let clock: any WallClock
  private let playback: Playback

  /// Creates a source.
  public init(_ trace: TimeSeries, clock: any WallClock, playback: Playback = .asRecorded) {
    self.trace = trace
    self.clock = clock
    self.playback = playback
  }

  public func samples(in range: Range<Date>, step: Duration) async throws -> TimeSeries {
    var series = TimeSeries.missing(in: range, step: step)
    let now = clock.now
    let ratio = step.inSeconds / trace.step.inSeconds
    for index in series.values.indices {
      let instant = series.instant(at: index)
      guard instant <= now else { break }
      let position = position(of: instant)
      series.values[index] = ratio > 1.000_001 ? mean(of: ratio, endingAt: position) : value(at: position)
    }
    return series
  }

  /// The position of `instant` in the trace, in steps from its first sample.
  private func position(of instant: Date) -> Double {
    let seconds =
      switch playback {
      case .asRecorded: instant.timeIntervalSince(trace.start)
      case .shifted(let position, let target, _):
        instant.timeIntervalSince(target) + position.timeIntervalSince(trace.start)
      }
    let position = seconds / trace.step.inSeconds
    // Dates are binary fractions of a second, so whole steps may be slightly off.
    return abs(position - position.rounded()) < 1e-4 ? position.rounded() : position
  }

  private func sample(at index: Int) -> Double {
    if case .shifted(_, _, loops: true) = playback {
      let wrapped = index % trace.count
      return trace.values[wrapped < 0 ? wrapped + trace.count : wrapped]
    }
    return trace.values.indices.contains(index) ? trace.values[index] : .nan
  }

  private func value(at position: Double) -> Double {
    let before = Int(position.rounded(.down))
    let share = position - Double(before)
    if share == 0 { return sample(at: before) }
    return sample(at: before) * (1 - share) + sample(at: before + 1) * share
  }

  /// The mean of the samples in the `length` steps that end at `position`.
  private func mean(of length: Double, endingAt position: Double) -> Double {
    let last = Int(position.rounded(.down))
    let first = Int((position - length).rounded(.down)) + 1
    var sum = 0.0
    var count = 0
    for index in first...max(first, last) {
      let value = sample(at: index)
      if value.isFinite {
        sum += value
        count += 1
      }
    }
    return count == 0 ? .nan : sum / Double(count)
  }
}
