import KedastralCore

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
  /// What is left of a correction one step behind the last corrected one.
  private static let fading = 0.8

  private var steps: [NearTermStep] = []
  private var claims: [(end: Date, steps: [NearTermStep.Claim])] = []
  /// Mean changes a step over about three and fifty samples.
  private var (fastChange, slowChange) = (0.0, 0.0)
  private var end = Date.distantPast
  private var stepSeconds = 0.0

  /// How many of the first steps of the last forecast were corrected.
  private(set) var correctedSteps = 0

  /// Learns from the samples that have come, and corrects a forecast of what follows them.
  ///
  /// The last `unsettledCount` samples count for this forecast only; nothing of them is kept.
  mutating func correct(_ forecast: inout Forecast, after history: TimeSeries, unsettledCount: Int = 0) {
    guard history.count >= RecentLoad.depth,
      history.values[(history.count - RecentLoad.depth)...].contains(where: \.isFinite)
    else {
      return
    }
    follow(history, upTo: history.count - unsettledCount)
    var current = self
    current.follow(history, upTo: history.count)
    let claimed = current.applied(to: &forecast, after: history)
    claims.removeAll { $0.end == history.end }
    claims.append((history.end, claimed))
    if claims.count > Self.reach + 1 + unsettledCount { claims.removeFirst() }
    correctedSteps = current.steps.count(where: \.isBetter)
  }

  /// Corrects the first steps of a forecast, and returns what is claimed of each.
  private func applied(to forecast: inout Forecast, after history: TimeSeries) -> [NearTermStep.Claim] {
    let recent = RecentLoad(history, at: history.count - 1)
    let reach = min(Self.reach, forecast.values.count)
    var claimed: [NearTermStep.Claim] = []
    var (values, paths) = (forecast.values, forecast.quantiles.paths)
    for index in 0..<reach {
      let claim = claim(forecast, index, recent)
      claimed.append(claim)
      guard steps[index].isBetter else { continue }
      values[index] = claim.corrected.median
      var least = 0.0
      for path in paths.indices {
        least = max(least, steps[index].quantile(paths[path].level, of: claim))
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
    return claimed
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

  /// Learns from the samples up to `count` that it has not seen.
  private mutating func follow(_ history: TimeSeries, upTo count: Int) {
    let known = history.index(nearest: end)
    let grown = count - 1 - known
    guard stepSeconds == history.step.inSeconds, grown >= 0, grown < count - RecentLoad.depth else {
      begin(history, upTo: count)
      return
    }
    for place in (known + 1)..<count where place >= RecentLoad.depth {
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
    end = history.instant(at: count - 1)
    claims.removeAll { count - 1 - history.index(nearest: $0.end) >= Self.reach }
  }

  private mutating func begin(_ history: TimeSeries, upTo count: Int) {
    let latest = history.values[max(0, count - 1440)..<count]
    let pairs = zip(latest, latest.dropFirst())
    let changes = pairs.map { abs($1 - $0) }.filter(\.isFinite)
    let level = latest.last(where: \.isFinite) ?? 0
    let change = changes.reduce(0) { $0 + $1 / Double(changes.count) }
    let unit = max(change, 1e-6 * abs(level), 1e-12)
    (fastChange, slowChange) = (unit, unit)
    steps = Array(repeating: NearTermStep(unit: unit), count: Self.reach)
    claims = []
    (end, stepSeconds) = (history.instant(at: count - 1), history.step.inSeconds)
  }

  private func claim(_ forecast: Forecast, _ index: Int, _ recent: RecentLoad) -> NearTermStep.Claim {
    let value = forecast.values[index]
    return steps[index].claim(
      value, own: (forecast.quantiles[0.5]?[index] ?? value, forecast.quantiles[0.9]?[index] ?? value), after: recent,
      firstError: steps[0].lastError, changes: (fastChange, slowChange))
  }

  // MARK: Storing

  /// What is kept over a restart: all that is known, without what was said of steps that are still to come.
  struct Stored: Codable {
    var unit: Double
    var fastChange: Double
    var slowChange: Double
    var end: Date
    var stepSeconds: Double
    var steps: PackedNumbers
  }

  /// What to keep over a restart; nil when nothing is known yet.
  var stored: Stored? {
    guard let unit = steps.first?.unit else { return nil }
    return Stored(
      unit: unit, fastChange: fastChange, slowChange: slowChange, end: end, stepSeconds: stepSeconds,
      steps: PackedNumbers(steps.flatMap(\.numbers)))
  }

  /// Nothing is known yet.
  init() {}

  /// Goes on from what was stored, before `history`; nil when that is not sound.
  init?(_ stored: Stored, before history: TimeSeries) {
    let count = NearTermStep.numberCount
    guard stored.steps.values.count == Self.reach * count, stored.unit > 0, stored.end >= history.start,
      stored.end <= history.end,
      [stored.unit, stored.fastChange, stored.slowChange, stored.stepSeconds].allSatisfy(\.isFinite)
    else { return nil }
    for step in 0..<Self.reach {
      guard let known = NearTermStep(stored.steps.values[step * count..<(step + 1) * count], unit: stored.unit) else {
        return nil
      }
      steps.append(known)
    }
    (fastChange, slowChange, end, stepSeconds) = (
      stored.fastChange, stored.slowChange, stored.end, stored.stepSeconds
    )
  }
}
