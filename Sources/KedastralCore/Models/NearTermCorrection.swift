#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Draws the first steps of a forecast to where the load is heading, and makes their quantiles as wide as the load is restless.
///
/// A model that looks a whole horizon ahead has little to say about the next minutes that the last minutes do not say better.
/// For each of the first steps two small regressions learn from every sample that comes: by how much forecasts of that step
/// were off, given how the load has moved lately and how far off the last ones were; and how large the rest of the error is,
/// given how restless the load is. The quantiles of that rest, in units of its expected size, are followed one error at a time,
/// apart for calm and restless times (online quantile regression; Gibbs & Candès 2021).
///
/// Each step is corrected only while that has been better of late, by the quantile loss at 0.5 and 0.9. What the last corrected
/// step is moved by fades out over the steps behind it.
struct NearTermCorrection {
  /// How many steps are corrected.
  static let reach = 8
  /// The levels whose quantiles are followed, and where they begin: at those of a normal distribution.
  private static let levels = Quantiles.fineLevels
  private static let firstQuantiles = levels.map(NormalDistribution.quantile)
  private static let (median, upper) = (levels.firstIndex(of: 0.5) ?? 0, levels.firstIndex(of: 0.9) ?? 0)
  /// Where calm ends and the kinds of restlessness begin: the expected size of an error over its usual one.
  private static let moods = [0.5, 1.2, 3]
  /// What a sample still counts one later.
  private static let forgetting = 0.9999
  /// How many sizes of an error an error counts at most, lest one outlier teach too much.
  private static let clip = (error: 8.0, size: 6.0)
  /// How many times the usual a movement counts at most.
  private static let leverage = 4.0
  /// How far an error moves a quantile, in sizes of an error.
  private static let quantileGain = 0.02
  /// How many errors it takes to judge, and over how many they are averaged.
  private static let (enough, memory) = (120, 500.0)
  /// How much better a correction must be to be begun.
  private static let advantage = 0.98
  /// What is left of a correction one step behind the last corrected one.
  private static let fading = 0.8
  /// How many samples features reach back.
  private static let depth = 16

  /// What was said of one step, to be learned from when it comes.
  private struct Claim {
    var value: Double
    var movement: [Double]
    var restlessness: [Double]
    var shift: Double
    var size: Double
    var mood: Int
    /// The quantiles 0.5 and 0.9: as the model says, and as corrected.
    var own: (median: Double, upper: Double)
    var corrected: (median: Double, upper: Double)
  }

  /// What is known about one step ahead.
  private struct Step {
    var shift: RecursiveLeastSquares
    var size: RecursiveLeastSquares
    var quantiles = Array(repeating: NearTermCorrection.firstQuantiles, count: NearTermCorrection.moods.count + 1)
    var count = 0
    var lastError = 0.0
    /// The error's size after correction, over the last twenty samples and the last few hundred.
    var recentSize = 0.0
    var usualSize = 0.0
    /// How large the largest movement usually is.
    var usualMovement = 0.0
    var ownLoss = 0.0
    var correctedLoss = 0.0
    var isBetter = false

    /// Learns from what was said of a step whose load has come.
    mutating func learn(_ claim: Claim, load: Double) {
      let off = load - claim.value
      let error = off - claim.shift
      guard error.isFinite else { return }
      count += 1
      let rate = max(1 / NearTermCorrection.memory, 1 / Double(count))
      ownLoss += (Self.loss(load, claim.own) - ownLoss) * rate
      correctedLoss += (Self.loss(load, claim.corrected) - correctedLoss) * rate
      isBetter =
        count >= NearTermCorrection.enough && correctedLoss < (isBetter ? 1 : NearTermCorrection.advantage) * ownLoss
      // What is learned is bounded around what was said, not around what the regression would have said: were it to run
      // away, it would be called back at once.
      let measure = max(claim.size, usualSize)
      let bound = NearTermCorrection.clip.error * measure
      // A spike without measure is in the movements of the next samples as well; it must not outweigh all others.
      let movement = claim.movement.reduce(0) { max($0, abs($1)) }
      let weight = movement > 0 ? min(1, NearTermCorrection.leverage * usualMovement / movement) : 1
      shift.learn(
        claim.movement.map { $0 * weight }, target: weight * (claim.shift + min(max(error, -bound), bound)))
      usualMovement += (movement - usualMovement) * rate
      lastError = off
      recentSize += (abs(error) - recentSize) * max(0.05, 1 / Double(count))
      usualSize += (abs(error) - usualSize) * rate
      size.learn(claim.restlessness, target: min(abs(error), NearTermCorrection.clip.size * measure))
      let relative = error / claim.size
      for (index, level) in NearTermCorrection.levels.enumerated() {
        let quantile = quantiles[claim.mood][index]
        let direction = relative > quantile ? level : level - 1
        quantiles[claim.mood][index] += NearTermCorrection.quantileGain * direction * max(1, abs(quantile))
      }
    }

    /// The quantile loss at 0.5 and 0.9 together.
    private static func loss(_ load: Double, _ quantiles: (median: Double, upper: Double)) -> Double {
      let (middle, above) = (load - quantiles.median, load - quantiles.upper)
      return 0.5 * abs(middle) + max(0.9 * above, -0.1 * above)
    }
  }

  private var steps: [Step] = []
  private var claims: [(end: Date, steps: [Claim])] = []
  /// How much the load usually changes a step, when this was begun.
  private var unit = 1.0
  /// Mean changes a step over about three and fifty samples.
  private var (fastChange, slowChange) = (0.0, 0.0)
  private var end = Date.distantPast
  private var stepSeconds = 0.0

  /// How many of the first steps are corrected at present.
  var correctedSteps: Int { steps.count(where: \.isBetter) }

  /// Learns from the samples that have come, and corrects a forecast of what follows them.
  mutating func correct(_ forecast: inout Forecast, after history: TimeSeries) {
    guard history.count >= Self.depth, history.values[(history.count - Self.depth)...].contains(where: \.isFinite)
    else {
      return
    }
    follow(history)
    let recent = RecentLoad(history, at: history.count - 1)
    let reach = min(Self.reach, forecast.values.count)
    var claimed: [Claim] = []
    var (values, paths) = (forecast.values, forecast.quantiles.paths)
    for index in 0..<reach {
      let claim = claim(forecast, index, recent)
      claimed.append(claim)
      guard steps[index].isBetter else { continue }
      values[index] = claim.corrected.median
      var least = 0.0
      for path in paths.indices {
        least = max(least, quantile(paths[path].level, of: claim, steps[index]))
        paths[path].values[index] = least
      }
    }
    if reach > 0, reach < values.count, steps[reach - 1].isBetter {
      fade(from: reach - 1, &values, forecast.values)
      for path in paths.indices { fade(from: reach - 1, &paths[path].values, forecast.quantiles.paths[path].values) }
      for (lower, path) in zip(paths.indices, paths.indices.dropFirst()) {
        for index in reach..<values.count {
          paths[path].values[index] = max(paths[path].values[index], paths[lower].values[index])
        }
      }
    }
    (forecast.values, forecast.quantiles) = (values, Quantiles(paths))
    claims.removeAll { $0.end == history.end }
    claims.append((history.end, claimed))
    if claims.count > Self.reach + 1 { claims.removeFirst() }
  }

  /// Moves the steps behind `last` by what is left of its correction.
  private func fade(from last: Int, _ path: inout [Double], _ own: [Double]) {
    var shift = path[last] - own[last]
    for index in (last + 1)..<path.count {
      shift *= Self.fading
      path[index] = min(max(0, path[index] + shift), .greatestFiniteMagnitude)
    }
  }

  // MARK: Learning

  private mutating func follow(_ history: TimeSeries) {
    let known = history.index(nearest: end)
    let grown = history.count - 1 - known
    guard stepSeconds == history.step.inSeconds, grown >= 0, grown < history.count - Self.depth else {
      begin(history)
      return
    }
    for place in (known + 1)..<history.count where place >= Self.depth {
      let recent = RecentLoad(history, at: place)
      let change = abs(recent.change(1))
      fastChange += (change - fastChange) * 0.3
      slowChange += (change - slowChange) * 0.02
      guard history.values[place].isFinite else { continue }
      let load = recent.newest
      for (end, claimed) in claims {
        let index = place - history.index(nearest: end) - 1
        if claimed.indices.contains(index) { steps[index].learn(claimed[index], load: load) }
      }
    }
    end = history.end
    claims.removeAll { history.count - 1 - history.index(nearest: $0.end) >= Self.reach }
  }

  private mutating func begin(_ history: TimeSeries) {
    let pairs = zip(history.values.suffix(1440), history.values.suffix(1440).dropFirst())
    let changes = pairs.map { abs($1 - $0) }.filter(\.isFinite)
    let level = history.lastPresentIndex.map { history.values[$0] } ?? 0
    let change = changes.reduce(0) { $0 + $1 / Double(changes.count) }
    unit = max(change, 1e-6 * abs(level), 1e-12)
    (fastChange, slowChange) = (unit, unit)
    steps = (0..<Self.reach).map { _ in
      Step(
        shift: RecursiveLeastSquares(weights: Array(repeating: 0, count: 9), scale: unit, forgetting: Self.forgetting),
        size: RecursiveLeastSquares(
          weights: [0.5] + Array(repeating: 0, count: 6), scale: unit, forgetting: Self.forgetting))
    }
    claims = []
    (end, stepSeconds) = (history.end, history.step.inSeconds)
  }

  private func claim(_ forecast: Forecast, _ index: Int, _ recent: RecentLoad) -> Claim {
    let step = steps[index]
    let value = forecast.values[index]
    let own = (
      median: forecast.quantiles[0.5]?[index] ?? value, upper: forecast.quantiles[0.9]?[index] ?? value
    )
    let width = max(own.upper - own.median, 0)
    let movement = [
      recent.change(1), recent.change(1, before: 1), recent.change(1, before: 2), recent.change(5), recent.change(15),
      recent.newest - value, step.lastError, steps[0].lastError, recent.mean(5) - value,
    ]
    // Until there is a usual size, the model's own width says what is usual.
    let usual = max(step.count < 30 ? width / 2 : max(step.usualSize, 0.02 * slowChange), 1e-9 * unit)
    let bound = 6 * max(usual, width, slowChange)
    let expected = step.shift.value(movement)
    let shift = expected.isFinite ? min(max(expected, -bound), bound) : 0
    let restlessness = [
      width, fastChange, slowChange, abs(recent.change(1)), step.recentSize, abs(recent.change(5)), abs(shift),
    ]
    let expectedSize = step.size.value(restlessness)
    let size = expectedSize.isFinite ? min(max(expectedSize, 0.1 * usual), 20 * usual) : usual
    var claim = Claim(
      value: value, movement: movement, restlessness: restlessness, shift: shift, size: size,
      mood: Self.moods.firstIndex { size < $0 * usual } ?? Self.moods.count, own: own, corrected: own)
    claim.corrected.median = quantile(0.5, of: claim, step)
    claim.corrected.upper = max(claim.corrected.median, quantile(0.9, of: claim, step))
    return claim
  }

  /// The load that `level` of loads stay below.
  private func quantile(_ level: Double, of claim: Claim, _ step: Step) -> Double {
    let distance = claim.size * Self.interpolated(step.quantiles[claim.mood], at: level)
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
}

/// The last few samples before and at a place of a history; a missing one counts as the one before it.
private struct RecentLoad {
  private let values: [Double]

  init(_ history: TimeSeries, at place: Int) {
    var values: [Double] = []
    var last = history.values[...place].last(where: \.isFinite) ?? 0
    for index in max(0, place - 15)...place {
      if history.values[index].isFinite { last = max(0, history.values[index]) }
      values.append(last)
    }
    self.values = values
  }

  var newest: Double { values[values.count - 1] }

  /// The change over `span` steps, up to so many steps before the newest sample.
  func change(_ span: Int, before: Int = 0) -> Double { at(before) - at(before + span) }

  func mean(_ count: Int) -> Double { (0..<count).reduce(0) { $0 + at($1) } / Double(count) }

  private func at(_ age: Int) -> Double { values[max(0, values.count - 1 - age)] }
}
