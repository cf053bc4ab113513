import KedastralCore
import KedastralModels

/// A line through points by the method of Theil (1950) and Sen (1968): the slope is the median of the slopes of all pairs of
/// points, the intercept the median of what then remains.
///
/// Up to 29 % of the points may be arbitrarily wrong, in load as well as in saturation: a Huber regression resists only
/// the latter, and both a deploy and a scrape with a missing pod move a point sideways. It also has no constant to choose.
package struct RobustLine: Sendable, Equatable {
  /// The measurement without load.
  package let intercept: Double
  /// The measurement per unit of load.
  package let slope: Double

  /// Fits points; O(n²) in their number.
  ///
  /// - Returns: nil when fewer than two of them differ in `x`.
  package init?(_ points: [(x: Double, y: Double)]) {
    var slopes: [Double] = []
    slopes.reserveCapacity(points.count * (points.count - 1) / 2)
    for (index, one) in points.enumerated() {
      for other in points[(index + 1)...] where other.x != one.x {
        slopes.append((other.y - one.y) / (other.x - one.x))
      }
    }
    slopes.sort()
    guard !slopes.isEmpty else { return nil }
    let slope = OrderStatistics.quantile(0.5, ofSorted: slopes)
    self.slope = slope
    intercept = OrderStatistics.quantile(0.5, ofSorted: points.map { $0.y - slope * $0.x }.sorted())
  }

  /// The measurement at a load.
  package func y(at x: Double) -> Double { intercept + slope * x }

  /// The load at a measurement; NaN for a flat line.
  package func x(at y: Double) -> Double { slope == 0 ? .nan : (y - intercept) / slope }
}
