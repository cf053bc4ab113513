import KedastralCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Corrects the first steps of a forecast by the recent errors, and scales their quantiles with the recent volatility.
///
/// For the next minutes, the latest samples predict the load better than a model that forecasts the whole horizon.
/// For each of the first steps two small regressions are updated with every new sample: one predicts the error of forecasts of
/// that step from the recent changes of the load and the recent errors; the other predicts the size of the remaining error from
/// the volatility of the load. The quantiles of the remaining error, in units of its expected size, are updated with each error,
/// separately for stable and volatile times (online quantile regression; Gibbs & Candès 2021).
///
/// Each step is corrected only while the correction has been more accurate recently, by the quantile loss at 0.5 and 0.9. The
/// correction of the last corrected step fades out over the following steps.
struct NearTermCorrection {
  /// The number of corrected steps.
  static let reach = 8
  /// The share of the correction that remains one step after the last corrected step.
  private static let fading = 0.8

  private var steps: [NearTermStep] = []
  /// The forecasts of steps that are not settled: the end of their history, the first step that is kept, and the steps.
  private var claims: [(end: Date, first: Int, steps: [NearTermStep.Claim])] = []
  /// Mean changes per step over about three and fifty samples.
  private var (fastChange, slowChange) = (0.0, 0.0)
  private var end = Date.distantPast
  private var stepSeconds = 0.0

  /// How many of the first steps of the last forecast were corrected.
  private(set) var correctedSteps = 0

  /// Learns from the new samples, and corrects a forecast of the steps after them.
  ///
  /// The last `unsettledCount` samples are used for this forecast only and change no state.
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
    claims.append((history.end, 0, claimed))
    if claims.count > Self.reach + 1 + unsettledCount { claims.removeFirst() }
    correctedSteps = current.steps.count(where: \.isBetter)
  }

  /// Corrects the first steps of a forecast, and returns the corrected values of each.
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

  /// Applies the remaining share of the last correction to the steps after `last`.
  private func fade(from last: Int, _ path: inout [Double], _ own: [Double]) {
    var shift = path[last] - own[last]
    for index in (last + 1)..<path.count {
      shift *= Self.fading
      path[index] = min(max(0, path[index] + shift), .greatestFiniteMagnitude)
    }
  }

  // MARK: Learning

  /// Learns from the new samples up to `count`.
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
      for (end, first, claimed) in claims {
        let index = place - history.index(nearest: end) - 1
        if claimed.indices.contains(index - first) { steps[index].learn(claimed[index - first], load: load) }
      }
    }
    end = history.instant(at: count - 1)
    claims.removeAll { count - 1 - history.index(nearest: $0.end) >= Self.reach }
    for index in claims.indices {
      let settled = count - 1 - history.index(nearest: claims[index].end) - claims[index].first
      guard settled > 0 else { continue }
      claims[index].steps = Array(claims[index].steps.dropFirst(settled))
      claims[index].first += settled
    }
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

  /// The state that is kept across a restart: everything except the forecasts of future steps.
  struct Stored: Decodable {
    fileprivate static let mostNumbers = 1 << 16
    var unit: Double
    var fastChange: Double
    var slowChange: Double
    var end: Date
    var stepSeconds: Double
    var steps: PackedNumbers

    /// Writes the state.
    func write(to writer: inout ByteWriter) {
      for number in [unit, fastChange, slowChange, end.timeIntervalSince1970, stepSeconds] { writer.append(number) }
      writer.append(count: steps.values.count)
      for number in steps.values { writer.append(number) }
    }
  }

  /// The state to store; nil when nothing has been learned yet.
  var stored: Stored? {
    guard let unit = steps.first?.unit else { return nil }
    return Stored(
      unit: unit, fastChange: fastChange, slowChange: slowChange, end: end, stepSeconds: stepSeconds,
      steps: PackedNumbers(steps.flatMap(\.numbers)))
  }

  /// The initial state.
  init() {}

  /// Resumes from a stored state, before `history`; nil when the state is invalid.
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

extension NearTermCorrection.Stored {
  /// Reads a state; nil when it is invalid.
  init?(from reader: inout ByteReader) {
    guard let unit = reader.finiteDouble(), let fastChange = reader.finiteDouble(),
      let slowChange = reader.finiteDouble(), let end = reader.finiteDouble(), let stepSeconds = reader.finiteDouble(),
      let count = reader.count(most: Self.mostNumbers), let steps = reader.list(count, { $0.finiteFloat() })
    else { return nil }
    self.init(
      unit: unit, fastChange: fastChange, slowChange: slowChange, end: Date(timeIntervalSince1970: end),
      stepSeconds: stepSeconds, steps: PackedNumbers(steps.map { Float($0) }))
  }
}
