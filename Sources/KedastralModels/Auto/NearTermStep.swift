import KedastralCore

/// The error model of forecasts at one horizon: the expected error, and its distribution.
struct NearTermStep: Sendable {
  /// The forecast of a step, kept until its load is measured.
  struct Claim {
    /// The features of the shift, then those of the size, in units; first, because padding before them would take as much as they do.
    var features: SIMD16<Float>
    /// The forecast before the correction.
    var value: Double
    /// The expected difference of the load from the forecast.
    var shift: Double
    /// The expected size of the remaining error.
    var size: Double
    /// The quantiles 0.5 and 0.9: of the model, and corrected.
    var own: (median: Double, upper: Double)
    var corrected: (median: Double, upper: Double)
    /// The index of the volatility class.
    var mood: UInt8
  }

  /// The levels whose quantiles are updated, and their initial values: those of a normal distribution.
  private static let levels = Quantiles.fineLevels
  private static let firstQuantiles = levels.map(NormalDistribution.quantile)
  /// The bounds of the volatility classes: the expected size of an error divided by its usual size.
  private static let moods = [0.5, 1.2, 3]
  /// The number of features for the recent changes and errors, and the number of those for the volatility.
  private static let (movementCount, restlessnessCount) = (9, 7)
  /// The minimum number of errors for a comparison.
  private static let enough = 120

  /// The number of errors over which they are averaged.
  private static let memory = 500.0
  /// The weight of a sample relative to the next one.
  private static let forgetting = 0.9999
  /// Errors are clipped at this multiple of their expected size, which limits the influence of outliers.
  private static let clip = (error: 8.0, size: 6.0)
  /// Changes of the load are clipped at this multiple of their usual size.
  private static let leverage = 4.0
  /// The step size of the quantile updates, in units of the expected error.
  private static let quantileGain = 0.02
  /// The advantage in accuracy from which a correction is applied.
  private static let advantage = 0.98

  /// The unit of all numbers below: the usual change of the load per step.
  let unit: Double
  private var shift: RecursiveLeastSquares
  private var size: RecursiveLeastSquares
  /// The quantiles of the error in units of its expected size, at `levels` of one volatility class after the other.
  private var quantiles = Array(repeatElement(Self.firstQuantiles, count: Self.moods.count + 1).joined())
  private var count = 0
  private(set) var lastError = 0.0
  /// The error's size after correction, over the last twenty samples and the last few hundred.
  private var recentSize = 0.0
  private var usualSize = 0.0
  /// The usual size of the largest change.
  private var usualMovement = 0.0
  private var ownLoss = 0.0
  private var correctedLoss = 0.0
  private(set) var isBetter = false

  /// The initial state.
  init(unit: Double) {
    self.unit = unit
    shift = RecursiveLeastSquares(
      weights: Array(repeating: 0, count: Self.movementCount), forgetting: Self.forgetting)
    size = RecursiveLeastSquares(
      weights: [0.5] + Array(repeating: 0, count: Self.restlessnessCount - 1), forgetting: Self.forgetting)
  }

  // MARK: Saying

  /// The corrected forecast of the step, from the model's forecast and the recent changes of the load.
  ///
  /// - Parameters:
  ///   - own: the model's quantiles 0.5 and 0.9.
  ///   - firstError: the error of the last forecast of the first step.
  ///   - changes: the load's mean change per step, recently and usually.
  func claim(
    _ value: Double, own: (median: Double, upper: Double), after recent: RecentLoad, firstError: Double,
    changes: (fast: Double, slow: Double)
  ) -> Claim {
    let width = max(own.upper - own.median, 0)
    // Until a usual size is known, the width of the model's quantiles is used.
    let usual = max(count < 30 ? width / 2 : max(usualSize, 0.02 * changes.slow), 1e-9 * unit)
    let movement = inUnits([
      recent.change(1), recent.change(1, before: 1), recent.change(1, before: 2), recent.change(5), recent.change(15),
      recent.newest - value, lastError, firstError, recent.mean(5) - value,
    ])
    let bound = 6 * max(usual, width, changes.slow)
    let expected = shift.value(movement) * unit
    let shift = expected.isFinite ? min(max(expected, -bound), bound) : 0
    let restlessness = inUnits([
      width, changes.fast, changes.slow, abs(recent.change(1)), recentSize, abs(recent.change(5)), abs(shift),
    ])
    let expectedSize = self.size.value(restlessness) * unit
    let size = expectedSize.isFinite ? min(max(expectedSize, 0.1 * usual), 20 * usual) : usual
    var claim = Claim(
      features: SIMD16((movement + restlessness).map { Float($0) }), value: value, shift: shift, size: size, own: own,
      corrected: own, mood: UInt8(Self.moods.firstIndex { size < $0 * usual } ?? Self.moods.count))
    claim.corrected.median = quantile(0.5, of: claim)
    claim.corrected.upper = max(claim.corrected.median, quantile(0.9, of: claim))
    return claim
  }

  private func inUnits(_ features: [Double]) -> [Double] { features.map { $0 / unit } }

  /// The load that `level` of loads stay below.
  func quantile(_ level: Double, of claim: Claim) -> Double {
    let distance = claim.size * interpolated(mood: Int(claim.mood), at: level)
    return min(max(0, claim.value + claim.shift + distance), .greatestFiniteMagnitude)
  }

  /// The quantile at any level, computed from those at `levels`: linear in between, and extrapolated with a normal distribution.
  private func interpolated(mood: Int, at level: Double) -> Double {
    let last = Self.levels.count - 1
    let right = min(max(Self.levels.firstIndex { $0 >= level } ?? last, 1), last)
    let (from, to) = (Self.firstQuantiles[right - 1], Self.firstQuantiles[right])
    let share = (NormalDistribution.quantile(level) - from) / (to - from)
    let upper = mood * Self.levels.count + right
    return quantiles[upper - 1] + (quantiles[upper] - quantiles[upper - 1]) * share
  }

  // MARK: Learning

  /// Learns from the forecast of a step whose load has been measured.
  mutating func learn(_ claim: Claim, load: Double) {
    let off = load - claim.value
    let error = off - claim.shift
    guard error.isFinite else { return }
    count += 1
    let rate = max(1 / Self.memory, 1 / Double(count))
    ownLoss += (Self.loss(load, claim.own) - ownLoss) * rate
    correctedLoss += (Self.loss(load, claim.corrected) - correctedLoss) * rate
    isBetter = count >= Self.enough && correctedLoss < (isBetter ? 1 : Self.advantage) * ownLoss
    // The target is bounded around the returned forecast, not around the regression's value, so that a diverging regression is
    // corrected at once.
    let measure = max(claim.size, usualSize)
    let bound = Self.clip.error * measure
    // An extreme spike also affects the changes of the next samples; clipping limits its weight.
    let features = (0..<16).map { Double(claim.features[$0]) }
    let movement = features.prefix(Self.movementCount)
    let largest = movement.reduce(0) { max($0, abs($1)) }
    let weight = largest > 0 ? min(1, Self.leverage * usualMovement / largest) : 1
    let target = (claim.shift + min(max(error, -bound), bound)) / unit
    shift.learn(movement.map { $0 * weight }, target: weight * target)
    usualMovement += (largest - usualMovement) * rate
    lastError = off
    recentSize += (abs(error) - recentSize) * max(0.05, 1 / Double(count))
    usualSize += (abs(error) - usualSize) * rate
    size.learn(
      Array(features.suffix(Self.restlessnessCount)),
      target: min(abs(error), Self.clip.size * measure) / unit)
    let (relative, first) = (error / claim.size, Int(claim.mood) * Self.levels.count)
    for (index, level) in Self.levels.enumerated() {
      let quantile = quantiles[first + index]
      let direction = relative > quantile ? level : level - 1
      quantiles[first + index] += Self.quantileGain * direction * max(1, abs(quantile))
    }
  }

  /// The quantile loss at 0.5 and 0.9 together.
  private static func loss(_ load: Double, _ quantiles: (median: Double, upper: Double)) -> Double {
    let (middle, above) = (load - quantiles.median, load - quantiles.upper)
    return 0.5 * abs(middle) + max(0.9 * above, -0.1 * above)
  }

  // MARK: Storing

  /// The whole state, in units, as a list of numbers in a fixed order.
  var numbers: [Float] {
    let sizes = [lastError, recentSize, usualSize, ownLoss, correctedLoss].map { Float($0 / unit) }
    return shift.numbers + size.numbers + quantiles.map { Float($0) } + sizes
      + [Float(usualMovement), Float(min(count, 1_000_000)), isBetter ? 1 : 0]
  }

  /// How many numbers there are.
  static let numberCount = NearTermStep(unit: 1).numbers.count

  /// The state from `numbers`; nil when they are invalid.
  init?(_ numbers: some Collection<Float>, unit: Double) {
    guard numbers.count == Self.numberCount, numbers.allSatisfy(\.isFinite) else { return nil }
    self.init(unit: unit)
    var rest = Array(numbers.reversed())
    func next(_ count: Int) -> [Float] {
      defer { rest.removeLast(count) }
      return rest.suffix(count).reversed()
    }
    shift.takeUp(next(shift.numbers.count))
    size.takeUp(next(size.numbers.count))
    // The other functions rely on their order.
    quantiles = (0...Self.moods.count).flatMap { _ in next(Self.levels.count).map { Double($0) }.sorted() }
    let sizes = next(5).map { Double($0) * unit }
    (lastError, recentSize, usualSize, ownLoss, correctedLoss) = (sizes[0], sizes[1], sizes[2], sizes[3], sizes[4])
    let last = next(3)
    usualMovement = Double(last[0])
    count = Int(min(max(0, last[1]), 1_000_000))
    isBetter = last[2] > 0
  }
}
