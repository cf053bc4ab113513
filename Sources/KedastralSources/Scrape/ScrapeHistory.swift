import KedastralCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Turns scrapes into a load series on the grid: a pure value, fed one scrape after another.
///
/// Between two scrapes a counter is taken to grow at a constant rate, and a gauge to have the value of the later
/// scrape. A step's load is the mean of that over the step, weighted by time; a step of which less than half is covered
/// is missing.
struct ScrapeHistory {
  /// The load of the steps that have ended.
  private(set) var series: TimeSeries
  private let capacity: Int
  private let longestInterval: Duration
  private var last: (instant: Date, values: [[String: String]: Double])?
  private var open: (index: Int, weighted: Double, covered: Double)?

  /// Creates a history.
  ///
  /// - Parameters:
  ///   - seed: the load before the first scrape; its step is that of the grid.
  ///   - capacity: how many steps are kept.
  ///   - longestInterval: a longer distance between two scrapes leaves a gap.
  init(seed: TimeSeries, capacity: Int, longestInterval: Duration) {
    series = seed
    self.capacity = capacity
    self.longestInterval = longestInterval
    series.keepLast(capacity)
  }

  /// Adds a scrape made at `instant`. A scrape that is not later than the previous one is ignored, except when the clock was set
  /// back: then it is the first again.
  mutating func add(_ exposition: Exposition, at instant: Date) {
    guard let before = last else {
      last = (instant, exposition.values)
      return
    }
    let seconds = instant.timeIntervalSince(before.instant)
    if seconds < -longestInterval.inSeconds {
      open = nil
      last = (instant, exposition.values)
    }
    guard seconds > 0 else { return }
    if seconds <= longestInterval.inSeconds {
      if let level = Self.level(exposition, since: before.values, seconds: seconds) {
        spread(level, from: before.instant, to: instant)
      }
    } else {
      closeStep()
    }
    // A series that is absent for a while keeps its old count, so that its return does not look like an increase.
    last = (instant, exposition.isCounter ? before.values.merging(exposition.values) { $1 } : exposition.values)
  }

  /// The load between two scrapes: all matching series together.
  private static func level(
    _ exposition: Exposition, since before: [[String: String]: Double], seconds: Double
  ) -> Double? {
    var sum = 0.0
    var isKnown = false
    for (labels, value) in exposition.values where value.isFinite {
      if exposition.isCounter {
        guard let old = before[labels], old.isFinite else { continue }
        // A counter that has shrunk was reset to zero in between.
        sum += (value < old ? value : value - old) / seconds
      } else {
        sum += value
      }
      isKnown = true
    }
    return isKnown ? sum : nil
  }

  private mutating func spread(_ level: Double, from start: Date, to end: Date) {
    let step = series.step.inSeconds
    let first = start.timeIntervalSince1970 / step
    let last = end.timeIntervalSince1970 / step
    for index in Int(first.rounded(.down))...Int(last.rounded(.down)) {
      let covered = min(last, Double(index + 1)) - max(first, Double(index))
      if open?.index != index {
        closeStep()
        open = (index, 0, 0)
      }
      guard covered > 0 else { continue }
      open?.weighted += level * covered
      open?.covered += covered
    }
  }

  private mutating func closeStep() {
    guard let ended = open else { return }
    open = nil
    let instant = Date(timeIntervalSince1970: Double(ended.index + 1) * series.step.inSeconds)
    let value = ended.covered >= 0.5 ? ended.weighted / ended.covered : .nan
    let sample = TimeSeries(start: instant, step: series.step, values: [value])
    // After a very long pause, or after the clock was set back, the old samples are useless.
    let distance = series.isEmpty ? 0 : series.index(nearest: instant) - series.count
    if (0...capacity).contains(distance) { series.merge(sample) } else { series = sample }
    if series.count > capacity + capacity / 8 { series.keepLast(capacity) }
  }
}
