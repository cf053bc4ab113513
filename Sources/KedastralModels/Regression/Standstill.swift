/// How long a load has stood still, and the longest times that it did so before.
///
/// A load that stands still (a stopped process, a source that repeats its last value, a machine that is off) mostly continues to do
/// so, and the longer it has, the longer it will: of loads that have stood still for k steps, about k / (k + h) still do so h steps
/// later (Gott 1993). What the load has done before counts as much as that rule for each earlier time.
struct Standstill: Sendable, Equatable {
  /// A load stands still while it stays within this distance of where it stopped, in units of the fit and as a share of it. A low load
  /// with its usual noise does not stand still, however small that noise is beside the load's peaks.
  private static let band = (units: 0.02, share: 0.001)
  /// The fewest steps that count as standing still.
  private static let fewestSteps = 6

  /// For how many steps the load has stayed where it is.
  private(set) var steps = 0
  /// Where the load stands: its latest sample.
  private(set) var level = 0.0
  /// Where it stopped.
  private var anchor = 0.0
  /// The longest earlier standstills, in steps; 0 where there were fewer.
  private var longest = SIMD4<Int32>.zero

  /// Adds the next sample.
  mutating func absorb(_ value: Double) {
    level = value
    if abs(value - anchor) <= min(Self.band.units, Self.band.share * abs(anchor)) {
      steps = min(steps + 1, Int(Int32.max))
      return
    }
    if steps >= Self.fewestSteps { keep(Int32(steps)) }
    (steps, anchor) = (0, value)
  }

  private mutating func keep(_ length: Int32) {
    var least = 0
    for index in 1..<4 where longest[index] < longest[least] { least = index }
    longest[least] = max(longest[least], length)
  }

  /// The probability that the load still stands where it does `horizon` steps from now.
  ///
  /// - Returns: nil when the load moves, and when it has stood still as long at least four times: then the regressions and the
  ///   errors of their forecasts include what follows.
  func probability(ahead horizon: Int) -> Double? {
    guard steps >= Self.fewestSteps else { return nil }
    var (similar, lasting) = (0, 0)
    for index in 0..<4 where longest[index] >= steps {
      similar += 1
      if Int(longest[index]) >= steps + horizon { lasting += 1 }
    }
    guard similar < 4 else { return nil }
    return (Double(lasting) + Double(steps) / Double(steps + horizon)) / Double(similar + 1)
  }

  /// The distribution of a load that still stands where it does with a probability, and else is what the model forecasts.
  struct Mixture {
    /// A load that stays equals its upper quantiles; without this, rounding would put it above them.
    private static let rounding = 1e-9

    private let level: Double
    private let probability: Double
    private let moves: Double
    /// The share of the loads that move to below the level.
    private let below: Double

    /// - Parameter model: the quantiles of the model's forecast, by level.
    init(_ standstill: Standstill, probability: Double, of model: (Double) -> Double) {
      level = standstill.level
      self.probability = probability
      moves = max(1 - probability, 1e-6)
      below = moves * (SpreadModel.levels.last { model($0) < standstill.level } ?? 0)
    }

    /// The quantile at level `asked`.
    func quantile(_ asked: Double, of model: (Double) -> Double) -> Double {
      if asked < below { return min(model(asked / moves), level) }
      let upper = asked > 0.5 ? level + Self.rounding : level
      if asked <= below + probability { return upper }
      return max(model(min((asked - probability) / moves, 1)), upper)
    }
  }
}

/// The lowest and the highest sample of a load.
struct LoadRange: Sendable, Equatable {
  private(set) var lowest = Double.infinity
  private(set) var highest = -Double.infinity
  /// How far beyond the samples a forecast may lie, as a share of their range: the forecast, its usual quantiles, and outer ones.
  private static let margin = (forecast: 0.1, usual: 0.25, outer: 1.0)
  /// The levels of usual quantiles.
  private static let usualLevels = 0.1...0.9

  /// Adds the next sample.
  mutating func absorb(_ value: Double) {
    lowest = min(lowest, value)
    highest = max(highest, value)
  }

  /// A forecast, or its quantile at `level`, no further beyond the samples than a load may grow within a horizon.
  ///
  /// Coefficients that were fitted to few steps of activity would otherwise make a multiple of all that was ever measured of it.
  func limited(_ value: Double, level: Double? = nil) -> Double {
    guard lowest <= highest else { return value }
    let share =
      level.map { Self.usualLevels.contains($0) ? Self.margin.usual : Self.margin.outer } ?? Self.margin.forecast
    let margin = share * (highest - lowest)
    return min(max(value, lowest - margin), highest + margin)
  }
}
