#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A load history on a regular grid: sample `i` is the load of the step that *ends* at `start + i·step`; NaN = missing.
///
///     var load = TimeSeries(start: noon, step: .seconds(60), values: [10, .nan, 30])
///     load.missingCount          // 1
///     load.nextInstant           // 12:03, the end of the first step that is not in it
public struct TimeSeries: Sendable, Equatable {
  /// The instant of the first sample: the end of the step that it measures.
  public var start: Date
  /// The distance between two samples; positive.
  public let step: Duration
  /// The samples in order of time; NaN where one is missing.
  public var values: [Double]

  /// Creates a series.
  ///
  /// - Precondition: `step` is positive.
  public init(start: Date, step: Duration, values: [Double]) {
    precondition(step > .zero, "a series' step is positive")
    self.start = start
    self.step = step
    self.values = values
  }

  /// How many samples there are, missing ones included.
  public var count: Int { values.count }

  /// Whether there is no sample at all.
  public var isEmpty: Bool { values.isEmpty }

  /// The instant of sample `index`; also for indices before and after the series.
  public func instant(at index: Int) -> Date { start.addingTimeInterval(Double(index) * step.inSeconds) }

  /// The instant of the last sample: where a forecast begins. `start − step` of an empty series.
  public var end: Date { instant(at: count - 1) }

  /// The instant of the next sample.
  public var nextInstant: Date { instant(at: count) }

  /// The index on this series' grid that is nearest to `instant`; may lie outside `values`.
  public func index(nearest instant: Date) -> Int {
    Int((instant.timeIntervalSince(start) / step.inSeconds).rounded())
  }

  /// How many samples are missing.
  public var missingCount: Int { values.count { !$0.isFinite } }

  /// The index of the last present sample, or nil when there is none.
  public var lastPresentIndex: Int? { values.lastIndex { $0.isFinite } }

  /// The last present sample.
  package var lastPresent: Double? { values.last { $0.isFinite } }

  /// At most the last `count` samples.
  public func suffix(_ count: Int) -> TimeSeries {
    let kept = min(max(0, count), values.count)
    return TimeSeries(
      start: instant(at: values.count - kept), step: step, values: Array(values.suffix(kept)))
  }

  /// At most the first `count` samples.
  package func prefix(_ count: Int) -> TimeSeries {
    count >= values.count ? self : TimeSeries(start: start, step: step, values: Array(values.prefix(max(0, count))))
  }

  /// How many steps a duration has, rounded to the nearest.
  public func steps(in duration: Duration) -> Int { Int((duration.inSeconds / step.inSeconds).rounded()) }

  /// The samples of a range of indices.
  package func slice(_ range: Range<Int>) -> TimeSeries {
    TimeSeries(start: instant(at: range.lowerBound), step: step, values: Array(values[range]))
  }

  /// Writes `newer` over and after this series, filling a gap between them with NaN.
  ///
  /// Missing samples of `newer` never overwrite present ones.
  ///
  /// - Precondition: both have the same step.
  public mutating func merge(_ newer: TimeSeries) {
    precondition(newer.step == step, "series of different steps cannot be merged")
    guard !newer.isEmpty else { return }
    guard !isEmpty else {
      self = newer
      return
    }
    let offset = index(nearest: newer.start)
    if offset < 0 {
      values.insert(contentsOf: repeatElement(.nan, count: -offset), at: 0)
      start = newer.start
    }
    let first = max(0, offset)
    let missing = first + newer.count - values.count
    if missing > 0 {
      // A history that gains one sample per minute at its end and loses one at its start would soon need twice its
      // size.
      let needed = values.count + missing
      if values.capacity < needed { values.reserveCapacity(needed + needed / 16) }
      values.append(contentsOf: repeatElement(.nan, count: missing))
    }
    for (index, value) in newer.values.enumerated() where !value.isNaN { values[first + index] = value }
  }

  /// Drops all but the last `count` samples.
  public mutating func keepLast(_ count: Int) {
    let surplus = values.count - max(0, count)
    guard surplus > 0 else { return }
    start = instant(at: surplus)
    values.removeFirst(surplus)
  }
}

extension TimeSeries {
  /// The samples of this series in a range; missing where it has none.
  ///
  /// - Parameter end: later samples are left out.
  package func samples(in range: Range<Date>, upTo end: Date = .distantFuture) -> TimeSeries {
    var found = TimeSeries.missing(in: range, step: step)
    let offset = index(nearest: found.start)
    for index in found.values.indices where values.indices.contains(index + offset) {
      guard found.instant(at: index) <= end else { break }
      found.values[index] = values[index + offset]
    }
    return found
  }

  /// The instant of the last present sample but for the last `unsettledCount` ones; nil when there is none.
  func lastInstant(dropping unsettledCount: Int) -> Date? {
    values.prefix(max(0, count - unsettledCount)).lastIndex(where: \.isFinite).map(instant)
  }

  /// The sample at an instant; nil when it is missing or the instant is not on the grid.
  func value(at instant: Date) -> Double? {
    guard instant >= start, instant <= end else { return nil }
    let place = index(nearest: instant)
    guard abs(self.instant(at: place).timeIntervalSince(instant)) < 0.5, values[place].isFinite else { return nil }
    return values[place]
  }
}
