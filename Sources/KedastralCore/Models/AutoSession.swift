#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// An AutoModel at work on one load: learns a few times a day, follows the load in constant time a sample, checks itself
/// against what came, and steps back to the baseline while that is better.
struct AutoSession: ModelSession {
  private let model: AutoModel
  private var learned: Learned?
  private var tracker: LoadTracker?
  /// The instant and value of the last sample in `tracker`; the value is NaN when it was missing.
  private var lastInstant = Date.distantPast
  private var lastValue = Double.nan
  private var missingRun = 0
  private var record = LiveRecord()

  /// What is kept across a restart.
  private struct Learned: Codable {
    var version = 1
    var regression: LoadRegression
    var outlierBound: Double
    var volatilityBound: Double
    var stepSeconds: Double
    var fittedAt: Date
    var refitAt: Date
  }

  init(model: AutoModel) {
    self.model = model
  }

  mutating func forecast(_ history: TimeSeries, steps: Int, quantiles: [Double]) throws -> Forecast {
    record.settle(history)
    let clock = LocalClock(model.utcOffset, history: history, steps: steps)
    let local = clock.localised(history)
    guard follow(local, steps: clock.steps), let learned, let tracker else {
      return try AutoModel.simple(history, steps: steps, quantiles: quantiles)
    }
    if record.isBeaten {
      let simple = try SeasonalBaseline().forecast(history, steps: steps, quantiles: quantiles)
      let (values, paths) = learned.regression.forecast(tracker, steps: clock.steps, quantiles: [0.9])
      record.note(history, values: clock.standard(values), upper: clock.standard(paths[0.9] ?? values))
      return Forecast(
        start: simple.start, step: simple.step, values: simple.values, quantiles: simple.quantiles, model: model.name,
        reason: "baseline, because it erred less of late than what was learned (\(record.summary))")
    }
    let (values, paths) = learned.regression.forecast(tracker, steps: clock.steps, quantiles: quantiles)
    let standard = clock.standard(values)
    record.note(history, values: standard, upper: clock.standard(paths[0.9] ?? values))
    return Forecast(
      start: history.end, step: history.step, values: standard, quantiles: paths.mapValues(clock.standard),
      model: model.name, reason: learned.regression.explanation + record.note)
  }

  /// Brings tracker and fit up to date; false when there is too little to learn from.
  private mutating func follow(_ history: TimeSeries, steps: Int) -> Bool {
    if let learned, history.end < learned.refitAt, history.end >= learned.fittedAt,
      learned.stepSeconds == history.step.inSeconds, (learned.regression.knots.last ?? 0) >= steps
    {
      if absorbNew(history) { return true }
      return retrace(history, learned)
    }
    return learn(history, steps: steps)
  }

  /// Absorbs what came after the last sample; false when the history is not the earlier one grown.
  private mutating func absorbNew(_ history: TimeSeries) -> Bool {
    guard var tracker, let regression = learned?.regression else { return false }
    self.tracker = nil  // so that its arrays are changed in place
    let last = history.index(nearest: lastInstant)
    guard last >= 0, last < history.count, abs(history.instant(at: last).timeIntervalSince(lastInstant)) < 1e-3 else {
      return false
    }
    let before = history.values[last]
    guard before == lastValue || (!before.isFinite && !lastValue.isFinite) else { return false }
    for value in history.values[(last + 1)...] {
      if value.isFinite {
        missingRun = 0
        tracker.absorb(regression.units.relative(value))
      } else {
        missingRun += 1
        tracker.absorb(standIn(tracker))
      }
    }
    self.tracker = tracker
    remember(history)
    return true
  }

  /// What a missing sample counts as: the last one, and in a longer gap the same time last season.
  private func standIn(_ tracker: LoadTracker) -> Double {
    if missingRun > 5, let season = tracker.layout.season, tracker.count >= season {
      return tracker.values[tracker.count - season]
    }
    return tracker.values.last ?? 0
  }

  /// Goes through the history again with what is learned, as after a restart.
  private mutating func retrace(_ history: TimeSeries, _ learned: Learned) -> Bool {
    let regression = learned.regression
    let season = regression.features.layout.season
    guard history.count >= 2 * (season ?? 4) else { return false }
    var tracker = LoadTracker(
      layout: regression.features.layout, outlierBound: learned.outlierBound, volatilityBound: learned.volatilityBound)
    for value in AutoModel.filled(history, season: season, units: regression.units) { tracker.absorb(value) }
    self.tracker = tracker
    missingRun = 0
    remember(history)
    return true
  }

  private mutating func learn(_ history: TimeSeries, steps: Int) -> Bool {
    guard let (regression, fitted) = AutoModel.fit(history, steps: steps) else {
      (learned, tracker) = (nil, nil)
      return false
    }
    let span = Double(history.count) * history.step.inSeconds
    let interval = min(model.refitInterval.inSeconds, max(10 * history.step.inSeconds, span / 10))
    // Spread by the load itself, so that workloads that begin together do not learn together for ever.
    let bits = history.values.reduce(UInt64(history.count)) { ($0 &* 31) ^ $1.bitPattern }
    let spread = 0.75 + 0.5 * Double(bits >> 11 & 1023) / 1024
    learned = Learned(
      regression: regression, outlierBound: fitted.outlierBound, volatilityBound: fitted.volatilityBound,
      stepSeconds: history.step.inSeconds, fittedAt: history.end,
      refitAt: history.end.addingTimeInterval(interval * spread))
    var fresh = fitted
    fresh.forgetHistory()
    tracker = fresh
    missingRun = 0
    remember(history)
    return true
  }

  private mutating func remember(_ history: TimeSeries) {
    lastInstant = history.end
    lastValue = history.values.last ?? .nan
  }

  var state: Data? {
    guard let learned else { return nil }
    return try? JSONEncoder().encode(learned)
  }

  mutating func restore(_ state: Data) {
    guard let restored = try? JSONDecoder().decode(Learned.self, from: state), restored.version == 1,
      restored.regression.isConsistent
    else { return }
    (learned, tracker) = (restored, nil)
  }
}
