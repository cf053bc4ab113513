/// The local time of a zone during a period: intervals with one UTC offset each, in ascending order.
///
/// All times are in seconds since 1970-01-01: instants in UTC, local times on the local clock.
package struct LocalTimeline: Sendable, Equatable {
  /// An interval without a clock change.
  package struct Stretch: Sendable, Equatable {
    /// Its instants.
    package var instants: Range<Int>
    /// How far the local clock is ahead of UTC, in seconds.
    package var offset: Int
  }

  /// The intervals, without gaps.
  package let stretches: [Stretch]

  /// The first instant at which the local clock shows `local` or later; nil when that is beyond the end.
  package func firstInstant(reaching local: Int) -> Int? {
    for stretch in stretches where local - stretch.offset < stretch.instants.upperBound {
      return max(stretch.instants.lowerBound, local - stretch.offset)
    }
    return nil
  }

  /// The local time before which all times have been shown or skipped before an instant.
  func reached(before instant: Int) -> Int {
    stretches.filter { $0.instants.lowerBound < instant }.map { min($0.instants.upperBound, instant) + $0.offset }.max()
      ?? .min
  }

  /// Whether a local day exists: a zone that moves across the date line may skip one.
  func shows(_ day: Int) -> Bool {
    guard let first = firstInstant(reaching: day * 86_400) else { return false }
    return stretches.contains { $0.instants.contains(first) && Self.day(first + $0.offset) == day }
  }

  /// The day of a local time.
  package static func day(_ local: Int) -> Int { Int((Double(local) / 86_400).rounded(.down)) }
}
