import KedastralCore

/// The units in which a load is fitted: its median is 0, its mean distance from it 1; so penalties mean the same for every load.
struct LoadUnits: Sendable, Equatable {
  let centre: Double
  let scale: Double

  init(centre: Double, scale: Double) {
    self.centre = centre
    self.scale = scale
  }

  /// The units of a load; nil when it is constant.
  init?(_ values: [Double]) {
    let present = values.filter(\.isFinite)
    guard let centre = OrderStatistics.median(present) else { return nil }
    // Divided before they are added, so that the largest numbers do not overflow.
    let count = Double(present.count)
    let scale = present.reduce(0) { $0 + abs($1 / count - centre / count) }
    guard scale > abs(centre) * 1e-12, scale > .leastNormalMagnitude, scale.isFinite else { return nil }
    self.centre = centre
    self.scale = scale
  }

  /// A load in these units.
  func relative(_ load: Double) -> Double { load / scale - centre / scale }

  /// A number in these units as a load: finite and not negative.
  func load(_ relative: Double) -> Double { min(max(0, relative * scale + centre), .greatestFiniteMagnitude) }
}
