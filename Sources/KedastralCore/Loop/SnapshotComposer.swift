#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Moves a forecast and its plan from the grid of samples to the moment at which they are published.
///
/// A forecast begins at the last grid instant, a snapshot at `generatedAt`, a fraction of a step later. A snapshot's step
/// overlaps two of the forecast's: its load is their mean, weighted by the overlap; its replicas and planned load are the
/// larger of the two, so that the move never delays a rise nor hurries a fall.
struct SnapshotComposer {
  /// How many whole steps, and which share of a step, lie between the forecast's start and the publication.
  private let wholeSteps: Int
  private let share: Double

  init(forecastStart: Date, generatedAt: Date, step: Duration) {
    let offset = max(0, generatedAt.timeIntervalSince(forecastStart) / step.inSeconds)
    wholeSteps = Int(min(offset, 1e6).rounded(.down))
    share = offset - Double(wholeSteps) < 1e-9 ? 0 : offset - Double(wholeSteps)
  }

  /// The overlap-weighted mean of neighbours.
  func mean(_ values: [Double], steps: Int) -> [Double] {
    move(values, steps: steps) { $0 * (1 - share) + $1 * share }
  }

  /// The larger of neighbours.
  func maximum<Value: Comparable>(_ values: [Value], steps: Int) -> [Value] {
    move(values, steps: steps) { max($0, $1) }
  }

  /// Of neighbours the one that is before the other in the order given.
  func larger<Value>(_ values: [Value], steps: Int, by isLarger: (Value, Value) -> Bool) -> [Value] {
    move(values, steps: steps) { isLarger($0, $1) ? $0 : $1 }
  }

  private func move<Value>(_ values: [Value], steps: Int, _ combine: (Value, Value) -> Value) -> [Value] {
    guard wholeSteps > 0 || share > 0 else { return Array(values.prefix(steps)) }
    return (0..<steps).compactMap { index in
      let first = index + wholeSteps
      guard first < values.count else { return nil }
      return share > 0 && first + 1 < values.count ? combine(values[first], values[first + 1]) : values[first]
    }
  }
}
