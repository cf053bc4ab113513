#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The ready pods that a workload really had over time: one entry for each change, without the oldest ones.
///
///     var pods = RealPods()
///     pods.add(TimeSeries(start: noon, step: .seconds(60), values: [3, 3, 4]))
///     pods.count(at: noon + .seconds(90))    // 3
package struct RealPods: Sendable, Equatable {
  /// From this instant on, until the next entry, so many; nil where the number is unknown.
  package struct Entry: Sendable, Equatable {
    package var instant: Date
    package var count: Int?
  }

  /// The number of changes that are kept.
  static let capacity = 1000

  /// The changes, ascending.
  package private(set) var entries: [Entry] = []
  /// The instant of the newest sample; nil before the first one.
  package private(set) var newest: Date?
  /// How long the newest sample counts.
  private var step = Duration.zero

  package init() {}

  /// Adds the samples that are newer than those before; NaN is an unknown number.
  package mutating func add(_ series: TimeSeries) {
    step = series.step
    for (index, value) in series.values.enumerated() {
      let instant = series.instant(at: index)
      if let newest, instant <= newest { continue }
      // A step without a sample is an unknown number.
      if let newest, instant > newest + series.step * 1.5 { note(nil, at: newest + series.step) }
      newest = instant
      note(value.isFinite ? Int(min(max(0, value.rounded()), 1e9)) : nil, at: instant)
    }
  }

  private mutating func note(_ count: Int?, at instant: Date) {
    if entries.isEmpty ? count == nil : entries.last?.count == count { return }
    if entries.count == Self.capacity { entries.removeFirst() }
    entries.append(Entry(instant: instant, count: count))
  }

  /// The ready pods at an instant; nil where they are unknown.
  package func count(at instant: Date) -> Int? {
    guard let newest, instant < newest + step else { return nil }
    return entries.last { $0.instant <= instant }?.count
  }
}
