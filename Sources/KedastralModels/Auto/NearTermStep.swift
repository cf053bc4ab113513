import KedastralCore

/// What is known about forecasts of one step ahead: by how much they are off, and how far that scatters.
struct NearTermStep: Sendable {
  /// What was said of the step, to be learned from when it comes.
  struct Claim {
    /// The forecast that was to be corrected.
    var value: Double
    /// What the shift follows from, then what the size follows from, in units: many of these are kept.
    var features: SIMD16<Float>
    /// By how much the load is expected above the forecast.
    var shift: Double
    /// How large the rest of the error is expected to be.
    var size: Double
    /// Which of the moods the size makes.
    var mood: Int
    /// The quantiles 0.5 and 0.9: as the model says, and as corrected.
    var own: (median: Double, upper: Double)
    var corrected: (median: Double, upper: Double)
  }

  /// The levels whose quantiles are followed, and where they begin: at those of a normal distribution.
  private static let levels = Quantiles.fineLevels
  private static let firstQuantiles = levels.map(NormalDistribution.quantile)
  /// Where calm ends and the kinds of restlessness begin: the expected size of an error over its usual one.
  private static let moods = [0.5, 1.2, 3]
  /// How many features tell how the load has moved and how far off forecasts were; the others, how restless the load is.
  private static let (movementCount, restlessnessCount) = (9, 7)
  /// How many errors it takes to judge.
  private static let enough = 120

  /// Over how many errors they are averaged.
  private static let memory = 500.0
  /// What a sample still counts one later.
  private static let forgetting = 0.9999
  /// How many sizes of an error an error counts at most, lest one outlier teach too much.
  private static let clip = (error: 8.0, size: 6.0)
  /// How many times the usual a movement counts at most.
  private static let leverage = 4.0
  /// How far an error moves a quantile, in sizes of an error.
  private static let quantileGain = 0.02
  /// How much better a correction must be to be begun.
  private static let advantage = 0.98

  /// What all below is measured in: how much the load usually changes a step.
  let unit: Double
  private var shift: RecursiveLeastSquares
  private var size: RecursiveLeastSquares
  /// The quantiles of the error in units of its expected size, for each mood.
  private var quantiles = Array(repeating: Self.firstQuantiles, count: Self.moods.count + 1)
  private var count = 0
  private(set) var lastError = 0.0
  /// The error's size after correction, over the last twenty samples and the last few hundred.
  private var recentSize = 0.0
  private var usualSize = 0.0
  /// How large the largest movement usually is.
  private var usualMovement = 0.0
  private var ownLoss = 0.0
  private var correctedLoss = 0.0
  private(set) var isBetter = false

  /// A step of which nothing is known yet.
  init(unit: Double) {
    self.unit = unit
    shift = RecursiveLeastSquares(
      weights: Array(repeating: 0, count: Self.movementCount), forgetting: Self.forgetting)
    size = RecursiveLeastSquares(
      weights: [0.5] + Array(repeating: 0, count: Self.restlessnessCount - 1), forgetting: Self.forgetting)
  }

  // MARK: Saying

  /// What is said of the step, given a model's forecast of it and how the load has moved.
  ///
  /// - Parameters:
  ///   - own: the quantiles 0.5 and 0.9, as the model says.
  ///   - firstError: by how much the last forecast of the very next step was off.
  ///   - changes: the load's mean change a step, of late and usually.
  func claim(
    _ value: Double, own: (median: Double, upper: Double), after recent: RecentLoad, firstError: Double,
    changes: (fast: Double, slow: Double)
  ) -> Claim {
    let width = max(own.upper - own.median, 0)
    // Until there is a usual size, the model's own width says what is usual.
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
      value: value, features: SIMD16((movement + restlessness).map { Float($0) }), shift: shift, size: size,
      mood: Self.moods.firstIndex { size < $0 * usual } ?? Self.moods.count, own: own, corrected: own)
    claim.corrected.median = quantile(0.5, of: claim)
    claim.corrected.upper = max(claim.corrected.median, quantile(0.9, of: claim))
    return claim
  }

  private func inUnits(_ features: [Double]) -> [Double] { features.map { $0 / unit } }

  /// The load that `level` of loads stay below.
  func quantile(_ level: Double, of claim: Claim) -> Double {
    let distance = claim.size * Self.interpolated(quantiles[claim.mood], at: level)
    return min(max(0, claim.value + claim.shift + distance), .greatestFiniteMagnitude)
  }

  /// The quantile at any level, of those at `levels`: straight in between, and outside as a normal distribution goes on.
  private static func interpolated(_ quantiles: [Double], at level: Double) -> Double {
    let last = levels.count - 1
    let right = min(max(levels.firstIndex { $0 >= level } ?? last, 1), last)
    let (from, to) = (firstQuantiles[right - 1], firstQuantiles[right])
    let share = (NormalDistribution.quantile(level) - from) / (to - from)
    return quantiles[right - 1] + (quantiles[right] - quantiles[right - 1]) * share
  }

  // MARK: Learning

  /// Learns from what was said of a step whose load has come.
  mutating func learn(_ claim: Claim, load: Double) {
    let off = load - claim.value
    let error = off - claim.shift
    guard error.isFinite else { return }
    count += 1
    let rate = max(1 / Self.memory, 1 / Double(count))
    ownLoss += (Self.loss(load, claim.own) - ownLoss) * rate
    correctedLoss += (Self.loss(load, claim.corrected) - correctedLoss) * rate
    isBetter = count >= Self.enough && correctedLoss < (isBetter ? 1 : Self.advantage) * ownLoss
    // What is learned is bounded around what was said, not around what the regression would have said: were it to run away, it
    // would be called back at once.
    let measure = max(claim.size, usualSize)
    let bound = Self.clip.error * measure
    // A spike without measure is in the movements of the next samples as well; it must not outweigh all others.
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
    let relative = error / claim.size
    for (index, level) in Self.levels.enumerated() {
      let quantile = quantiles[claim.mood][index]
      let direction = relative > quantile ? level : level - 1
      quantiles[claim.mood][index] += Self.quantileGain * direction * max(1, abs(quantile))
    }
  }

  /// The quantile loss at 0.5 and 0.9 together.
  private static func loss(_ load: Double, _ quantiles: (median: Double, upper: Double)) -> Double {
    let (middle, above) = (load - quantiles.median, load - quantiles.upper)
    return 0.5 * abs(middle) + max(0.9 * above, -0.1 * above)
  }

  // MARK: Storing

  /// All that is known, in units, as numbers in an order of their own.
  var numbers: [Float] {
    let sizes = [lastError, recentSize, usualSize, ownLoss, correctedLoss].map { Float($0 / unit) }
    return shift.numbers + size.numbers + quantiles.joined().map { Float($0) } + sizes
      + [Float(usualMovement), Float(min(count, 1_000_000)), isBetter ? 1 : 0]
  }

  /// How many numbers there are.
  static let numberCount = NearTermStep(unit: 1).numbers.count

  /// What `numbers` were taken from; nil when they cannot be.
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
    for mood in quantiles.indices {
      // Their order is what everything builds upon.
      quantiles[mood] = next(Self.levels.count).map { Double($0) }.sorted()
    }
    let sizes = next(5).map { Double($0) * unit }
    (lastError, recentSize, usualSize, ownLoss, correctedLoss) = (sizes[0], sizes[1], sizes[2], sizes[3], sizes[4])
    let last = next(3)
    usualMovement = Double(last[0])
    count = Int(min(max(0, last[1]), 1_000_000))
    isBetter = last[2] > 0
  }
}
