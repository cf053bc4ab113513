/// The steps of a long plan beyond its first ones, in blocks: the form in which stores keep them.
///
/// A plan per minute for the next day has 1,440 steps. Those far ahead are planned again hundreds of times before they matter, so a
/// store keeps one entry for each block of them. A reader gives each step of a block the block's entry, so that it sees a plan per
/// step as before. Readers of versions without this member see the first steps only.
struct FarSteps: Codable {
  /// The steps that are kept one by one: four hours of minutes.
  static let near = 240
  /// The steps of a block.
  static let blockLength = 15
  /// The largest number of steps that a document may ask for.
  private static let mostSteps = 1_000_000

  /// How many steps there are beyond the first ones.
  var steps: Int
  /// The steps of each block; the last block may have fewer.
  var every: Int
  /// The mean load of each block.
  var values: [Double]
  /// The most replicas of each block.
  var desiredReplicas: [Double]
  /// The mean of each quantile.
  var quantiles: [String: [Double]]?
  /// The largest planned load of each block.
  var plannedLoad: [Double]?
  /// The most replicas required in each block.
  var requiredReplicas: [Double]?

  /// Whether a plan of so many steps is kept in two parts.
  static func isUsed(_ steps: Int) -> Bool { steps > near + 2 * blockLength }

  /// One entry for each block of the steps beyond the first ones, with four significant digits.
  static func blocks(_ path: [Double], _ entry: (ArraySlice<Double>) -> Double) -> [Double] {
    stride(from: near, to: path.count, by: blockLength).map { start in
      rounded(entry(path[start..<min(start + blockLength, path.count)]))
    }
  }

  static func mean(_ block: ArraySlice<Double>) -> Double { block.reduce(0) { $0 + $1 / Double(block.count) } }

  static func largest(_ block: ArraySlice<Double>) -> Double { block.max() ?? 0 }

  private static func rounded(_ value: Double) -> Double {
    guard value.magnitude >= 1e-6, value.magnitude < 1e12, value != value.rounded() || value.magnitude >= 1e6 else {
      return value
    }
    var scale = 1.0
    while value.magnitude * scale < 1000 { scale *= 10 }
    return (value * scale).rounded() / scale
  }

  /// A path with the steps of these blocks after its own.
  func extending(_ path: [Double], by blocks: [Double]?, field: String) throws(SnapshotError) -> [Double] {
    guard steps > 0, steps <= Self.mostSteps, every > 0, every <= Self.mostSteps else {
      throw SnapshotError.invalidNumber(
        field: "far", problem: "has \(steps) steps in blocks of \(every), expected 1 to \(Self.mostSteps)")
    }
    let expected = (steps - 1) / every + 1
    let blocks = blocks ?? []
    guard blocks.count == expected else {
      throw SnapshotError.lengthMismatch(field: "far.\(field)", count: blocks.count, expected: expected)
    }
    return path + (0..<steps).map { blocks[$0 / every] }
  }
}
