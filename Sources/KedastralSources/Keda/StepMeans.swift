import KedastralCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The load series of values that arrive one by one: a step's load is the mean of the values within it, and a step without
/// values is missing.
struct StepMeans {
  private struct Bucket {
    let index: Int
    var sum: Double
    var count: Int
  }

  /// How many of the newest steps still change when a value arrives late.
  private static let openSteps = 8

  /// The load of all steps with values, the current one included.
  private(set) var series: TimeSeries
  private let capacity: Int
  private var buckets: [Bucket] = []

  /// Creates an empty series.
  ///
  /// - Parameter capacity: the number of steps that are kept, at least one.
  init(step: Duration, capacity: Int) {
    series = TimeSeries(start: Date(timeIntervalSince1970: 0), step: step, values: [])
    self.capacity = max(1, capacity)
  }

  /// Adds a value; one that is older than the open steps is ignored. After the clock was set, or after a pause longer than the
  /// capacity, the series begins again.
  mutating func add(_ value: Double, at instant: Date) {
    let index = Int((instant.timeIntervalSince1970 / series.step.inSeconds - 1e-6).rounded(.up))
    if let newest = buckets.last?.index {
      if abs(index - newest) > max(capacity, Self.openSteps) {
        self = StepMeans(step: series.step, capacity: capacity)
      } else if index <= newest - Self.openSteps {
        return
      }
    }
    let place = buckets.firstIndex { $0.index >= index } ?? buckets.count
    if place == buckets.count || buckets[place].index != index {
      buckets.insert(Bucket(index: index, sum: 0, count: 0), at: place)
    }
    buckets[place].sum += value
    buckets[place].count += 1
    let mean = buckets[place].sum / Double(buckets[place].count)
    series.merge(
      TimeSeries(
        start: Date(timeIntervalSince1970: Double(index) * series.step.inSeconds), step: series.step, values: [mean]))
    if let newest = buckets.last?.index { buckets.removeAll { $0.index <= newest - Self.openSteps } }
    if series.count > capacity + capacity / 8 { series.keepLast(capacity) }
  }
}
