import Glibc
import KedastralCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Assigns recorded rows to steps of equal length.
///
/// The step is the usual distance between two rows: the median of the largest group of distances that differ by less
/// than 10 %. Rows on a grid of that step are used unchanged. Otherwise the step is the nearest usual one (the given
/// one, or a part of a day such as 10 s, 1 m or 1 h), when that is within 10 %, and each row is assigned to the nearest
/// instant of the grid. Rows for the same instant are averaged.
struct TraceGrid {
  /// One row.
  struct Point {
    /// Seconds since the Unix epoch.
    let seconds: Double
    /// The load; NaN when it is missing.
    let value: Double
  }

  /// Why rows cannot be assigned to steps.
  struct Defect: Error, Equatable {
    let problem: String
  }

  /// More samples than this are rejected, and so are more than a million of which less than a thousandth are present:
  /// the step is not the intended one, or a timestamp is wrong.
  private static let mostSamples = 50_000_000
  /// A shorter step is a mistake in the file.
  private static let leastStepSeconds = 0.001
  /// The largest deviation from the grid, as a share of a step, that counts as on it.
  private static let gridTolerance = 0.01
  /// The largest relative difference of two distances that count as the same step.
  private static let stepTolerance = 0.1
  /// Common steps in seconds: parts of a day, a day and a week.
  private static let commonSteps: [Double] = [
    1, 2, 5, 10, 15, 20, 30, 60, 120, 180, 300, 600, 900, 1200, 1800, 3600, 7200, 10_800, 14_400, 21_600, 28_800,
    43_200, 86_400, 604_800,
  ]

  /// The rows in steps.
  let series: TimeSeries
  /// The number of rows off the grid.
  private(set) var offGridCount = 0
  /// The number of rows assigned to the same instant as a row before them.
  private(set) var sharedCount = 0
  /// The number of rows that are earlier than the row before them.
  private(set) var unsortedCount = 0

  /// - Parameter step: the requested step, positive; it decides between two interpretations of irregular rows.
  init(_ points: [Point], step wanted: Duration?) throws(Defect) {
    unsortedCount = zip(points.dropFirst(), points).count { $0.seconds < $1.seconds }
    let points = unsortedCount == 0 ? points : points.sorted { $0.seconds < $1.seconds }
    let distances = zip(points.dropFirst(), points).map { $0.seconds - $1.seconds }.filter { $0 > 0 }
    guard let first = points.first, let last = points.last, points.count >= 2 else {
      throw Defect(problem: "expected at least two samples, found \(points.count)")
    }
    guard let usual = Self.usual(distances) else {
      throw Defect(problem: "all \(points.count) rows have the same timestamp; at least two are required")
    }
    if usual < 1, first.seconds > 20_000, last.seconds < 80_000 {
      throw Defect(
        problem: "the timestamps look like a spreadsheet's day numbers; format them as 2026-08-01 00:00:00")
    }
    var (step, origin) = (usual, first.seconds)
    func isOnGrid(_ point: Point) -> Bool {
      let position = (point.seconds - origin) / step
      return abs(position - position.rounded()) < Self.gridTolerance
    }
    func checkLength() throws(Defect) {
      let most = min(Self.mostSamples, max(1_000_000, points.count * 1000))
      guard step >= Self.leastStepSeconds, (last.seconds - first.seconds) / step < Double(most) else {
        throw Defect(problem: "a step of \(step) s between two lines is too short for its length")
      }
    }
    try checkLength()
    if !points.allSatisfy(isOnGrid) {
      let candidates = wanted.map { [$0.inSeconds] } ?? []
      step = Self.nearest(to: usual, among: candidates) ?? Self.nearest(to: usual, among: Self.commonSteps) ?? usual
      origin = Self.origin(of: points, step: step)
      let isUsualOrigin = Double(points.count(where: isOnGrid)) >= 0.9 * Double(points.count)
      let whole = (origin / step).rounded() * step
      if !isUsualOrigin, abs(origin - whole) <= Self.stepTolerance * step { origin = whole }
    }
    try checkLength()
    let firstIndex = ((first.seconds - origin) / step).rounded()
    let count = Int(((last.seconds - origin) / step).rounded() - firstIndex) + 1
    var values = [Double](repeating: .nan, count: count)
    // Rows of the same step follow one another.
    var current = -1
    var present = 0.0
    for point in points {
      if !isOnGrid(point) { offGridCount += 1 }
      let index = Int(((point.seconds - origin) / step).rounded() - firstIndex)
      if index == current { sharedCount += 1 } else { (current, present) = (index, 0) }
      guard point.value.isFinite else { continue }
      present += 1
      values[index] = present == 1 ? point.value : values[index] * (1 - 1 / present) + point.value / present
    }
    series = TimeSeries(
      start: Date(timeIntervalSince1970: origin + firstIndex * step), step: .seconds(step),
      values: values)
  }

  /// The median of the largest group of distances that differ by less than 10 %, the shortest such group of several.
  private static func usual(_ distances: [Double]) -> Double? {
    let sorted = distances.sorted()
    var best = 0..<0
    var end = 0
    for start in sorted.indices {
      while end < sorted.count, sorted[end] <= sorted[start] * (1 + stepTolerance) { end += 1 }
      if end - start > best.count { best = start..<end }
    }
    guard !best.isEmpty else { return nil }
    let median = sorted[best.lowerBound + (best.count - 1) / 2]
    // Instants are exact to a quarter of a microsecond, and so is a distance of a tenth of a second.
    return median < leastStepSeconds ? median : (median * 1e6).rounded() / 1e6
  }

  private static func nearest(to usual: Double, among steps: [Double]) -> Double? {
    steps.filter { abs($0 - usual) <= stepTolerance * usual }.min { abs($0 - usual) < abs($1 - usual) }
  }

  /// The origin of the grid of irregular rows: the median of their places within a step.
  private static func origin(of points: [Point], step: Double) -> Double {
    // Places within a step lie on a circle; they are compared with their mean direction.
    let base = points[0].seconds
    var (sine, cosine) = (0.0, 0.0)
    for point in points {
      let angle = 2 * Double.pi * ((point.seconds - base) / step).truncatingRemainder(dividingBy: 1)
      sine += sin(angle)
      cosine += cos(angle)
    }
    let mean = atan2(sine, cosine) / (2 * Double.pi) * step
    let sorted = points.map { (place: ($0.seconds - base - mean).remainder(dividingBy: step), seconds: $0.seconds) }
      .sorted { $0.place < $1.place }
    return sorted[(sorted.count - 1) / 2].seconds
  }
}
