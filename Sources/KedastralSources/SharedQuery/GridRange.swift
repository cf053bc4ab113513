import KedastralCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Consecutive instants on the grid of a step, by their numbers: instant *n* is *n* steps after the Unix epoch.
struct GridRange: Sendable, Equatable {
  let step: Duration
  /// The number of the first instant.
  let first: Int
  /// How many instants there are; not negative.
  let count: Int

  init(first: Int, count: Int, step: Duration) {
    self.first = first
    self.count = max(0, count)
    self.step = step
  }

  /// The instants of a series that begins on the grid.
  init(_ series: TimeSeries) {
    self.init(
      first: Int((series.start.timeIntervalSince1970 / series.step.inSeconds).rounded()), count: series.count,
      step: series.step)
  }

  /// The number of the last instant; `first − 1` when there is none.
  var last: Int { first + count - 1 }

  func instant(_ number: Int) -> Date { Date(timeIntervalSince1970: Double(number) * step.inSeconds) }

  /// The position of a time in this range; nil outside of it.
  func position(ofSeconds time: Double) -> Int? {
    let number = (time / step.inSeconds).rounded() - Double(first)
    return number >= 0 && number < Double(count) ? Int(number) : nil
  }

  /// At most `count` instants from `offset`.
  func part(from offset: Int, count: Int) -> GridRange {
    GridRange(first: first + offset, count: min(count, self.count - offset), step: step)
  }
}
