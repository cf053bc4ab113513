/// Forecast quantiles: for each level in (0, 1) one value per step, in ascending order of level.
public struct Quantiles: Sendable, Equatable {
  /// The values of one quantile level over the horizon.
  public struct Path: Sendable, Equatable {
    /// The level, for instance 0.9: the load stays below the path in nine of ten cases.
    public let level: Double
    /// One value per step.
    public var values: [Double]

    /// Creates a path.
    public init(level: Double, values: [Double]) {
      self.level = level
      self.values = values
    }
  }

  /// The paths in ascending order of level.
  public private(set) var paths: [Path]

  /// No quantiles.
  public static let none = Quantiles([])

  /// Creates quantiles from paths in any order.
  public init(_ paths: [Path]) {
    self.paths = paths.sorted { $0.level < $1.level }
  }

  /// Whether there is no path.
  public var isEmpty: Bool { paths.isEmpty }

  /// The values of `level` (to 9 digits), or nil when the model returned none.
  public subscript(level: Double) -> [Double]? {
    paths.first { abs($0.level - level) < 1e-9 }?.values
  }

  /// The levels that are sufficient to describe the distribution of a load.
  package static let fineLevels = [0.1, 0.25, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.975, 0.99, 0.995]

  /// Only the paths of these levels (to 9 digits).
  package func keeping(_ levels: [Double]) -> Quantiles {
    Quantiles(paths.filter { path in levels.contains { abs($0 - path.level) < 1e-9 } })
  }

  /// The same levels with `transform` applied to each path's values.
  public func mapValues(_ transform: ([Double]) -> [Double]) -> Quantiles {
    Quantiles(paths.map { Path(level: $0.level, values: transform($0.values)) })
  }
}
