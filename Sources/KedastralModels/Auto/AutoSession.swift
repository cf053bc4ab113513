import KedastralCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The session of an AutoModel: it fits a few times a day, processes each sample in constant time, measures its errors, repeats
/// the last season while that is more accurate, and corrects the first steps by the latest samples.
struct AutoSession: ModelSession {
  let model: AutoModel
  private(set) var learned: Learned?
  /// Whether fits are made by another session, and restored into this one.
  var isFittedApart = false
  /// Whether the last forecast used a fit that is to be replaced.
  private(set) var isFitDue = false
  private var tracker: LoadTracker?
  /// The instant and value of the last sample in `tracker`; the value is NaN when it was missing.
  private var lastInstant = Date.distantPast
  private var lastValue = Double.nan
  private var missingRun = 0
  /// About the most new samples of a forecast, recently.
  private var growth = 0
  private var record = LiveRecord()
  private var nearTerm = NearTermCorrection()
  /// The end of the last history.
  private var tail = HistoryTail()
  /// The state of an earlier session, until it is checked whether it belongs to this load.
  private var restored: Stored?
  /// The covariates on the grid of the history that is being forecast.
  private var covariates: [CovariateReading] = []

  init(model: AutoModel) {
    self.model = model
  }

  mutating func forecast(_ history: TimeSeries, steps: Int, quantiles: [Double]) throws -> Forecast {
    try forecast(history, HistoryChange(), steps: steps, quantiles: quantiles)
  }

  /// Forecasts with covariates on the grid of the history.
  mutating func forecast(
    _ history: TimeSeries, _ change: HistoryChange, steps: Int, quantiles: [Double], covariates: [CovariateReading]
  ) throws -> Forecast {
    self.covariates = covariates
    defer { self.covariates = [] }
    return try forecast(history, change, steps: steps, quantiles: quantiles)
  }

  mutating func forecast(
    _ history: TimeSeries, _ change: HistoryChange, steps: Int, quantiles: [Double]
  ) throws -> Forecast {
    let unsettled = min(change.unsettledCount, max(0, history.count - 1))
    take(change.kind)
    takeUpRestored(history)
    tail = HistoryTail(history, dropping: unsettled)
    let wasBeaten = record.isBeaten
    record.settle(history, unsettledCount: unsettled)
    if record.isBeaten, !wasBeaten { learnSooner(history) }
    let clock = LocalClock(model.utcOffset, history: history, steps: steps)
    let local = clock.localised(history)
    let settledCount = local.count - clock.localised(last: unsettled)
    let readings = covariates.map { $0.localised(by: clock, history) }
    if learned?.regression.covariates?.lacked(readings) == true { learnSooner(history) }
    guard follow(local, upTo: settledCount, steps: clock.steps, readings), let regression = learned?.regression,
      var tracker, tracker.lend(local.values, from: tracker.count - settledCount)
    else {
      let margin = margin
      tracker?.giveBack(margin: margin)
      return try model.simple(history, steps: steps, quantiles: quantiles)
    }
    self.tracker = nil  // so that its arrays are changed in place
    let levels = Set(quantiles + Self.watchedLevels).sorted()
    let view = regression.view(of: readings)
    var missing = missingRun
    let (values, paths, parts) = tracker.looking(
      beyond: local.values[settledCount...],
      read: { tracker, value in
        missing = value.isFinite ? 0 : missing + 1
        return value.isFinite ? regression.units.relative(value) : Self.standIn(tracker, missingRun: missing)
      },
      {
        regression.forecast($0, steps: clock.steps, quantiles: levels, stretch: record.stretch, covariates: view)
      })
    tracker.giveBack(margin: margin)
    self.tracker = tracker
    let naive = Self.repeating(local, season: regression.features.layout.season, steps: clock.steps)
    let served = record.isBeaten ? naive : values
    func standard(_ path: [Double]) -> [Double] {
      clock.standard(record.isBeaten ? Self.moved(path, from: values, to: naive) : path)
    }
    var forecast = Forecast(
      start: history.end, step: history.step, values: clock.standard(served),
      quantiles: paths.mapValues(standard), model: model.name)
    let upper = forecast.quantiles[LiveRecord.watchedLevel] ?? forecast.values
    nearTerm.correct(&forecast, after: history, unsettledCount: unsettled)
    forecast.quantiles = forecast.quantiles.keeping(quantiles)
    forecast.reason =
      record.isBeaten
      ? "the last season repeated, because the learned forecast was less accurate recently (\(record.summary))"
      : regression.explanation(step: history.step) + record.note
    if nearTerm.correctedSteps > 0 { forecast.reason? += "; the first steps are corrected by the latest samples" }
    forecast.members = members(of: regression, step: history.step)
    forecast.mase = record.mase
    forecast.expectedError = regression.expectedError(
      stepsAhead: Forecast.stepsJudged(history.step), covariates: view)
    forecast.noteCovariates(of: regression, readings, isUsed: view != nil && !record.isBeaten)
    let claim = LiveRecord.Claim(
      served: forecast.values, upper: upper, learned: clock.standard(values),
      naive: clock.standard(naive), members: parts.map(clock.standard))
    record.note(claim, after: history)
    return forecast
  }

  /// The quantiles that are always computed, to measure their coverage.
  private static let watchedLevels = [0.5, LiveRecord.watchedLevel]

  /// The parts of a forecast with their shares and errors, repeating the last season among them.
  private func members(of regression: LoadRegression, step: Duration) -> [Forecast.Member] {
    let errors = record.memberErrors
    let learned = zip(regression.names(step: step), regression.shares).enumerated().map { index, part in
      // A record of a version or fit with other members has another number of errors until the next forecast is kept.
      let error = errors.flatMap { $0.indices.contains(index) ? $0[index] : nil }
      return Forecast.Member(name: part.0, weight: record.isBeaten ? 0 : part.1, mase: error)
    }
    let fallback = Forecast.Member(
      name: "fallback (\(regression.nameOfRepeating(step: step)))", weight: record.isBeaten ? 1 : 0,
      mase: errors == nil ? nil : 1)
    return Forecast.Member.joined(learned + [fallback])
  }

  /// The last season again, or the last sample where there is no season or its sample is missing.
  private static func repeating(_ history: TimeSeries, season: Int?, steps: Int) -> [Double] {
    let level = max(0, history.lastPresent ?? 0)
    guard let season, season <= history.count else { return Array(repeating: level, count: steps) }
    return (0..<steps).map { step in
      let value = history.values[history.count - season + step % season]
      return value.isFinite ? max(0, value) : level
    }
  }

  /// A quantile's path around another forecast, at the same distance.
  private static func moved(_ path: [Double], from old: [Double], to new: [Double]) -> [Double] {
    path.indices.map { min(max(0, new[$0] + (path[$0] - old[$0])), .greatestFiniteMagnitude) }
  }

  /// Schedules the next fit earlier, because the history now contains the change that the last fit missed.
  private mutating func learnSooner(_ history: TimeSeries) {
    guard let learned, history.end.timeIntervalSince(learned.fittedAt) >= model.refitInterval.inSeconds / 6 else {
      return
    }
    self.learned?.refitAt = min(learned.refitAt, history.end)
  }

  /// Discards state that was learned from samples that have changed.
  private mutating func take(_ change: HistoryChange.Kind) {
    switch change {
    case .grown: break
    case .filled: lastInstant = .distantPast
    case .rewritten:
      (learned, tracker) = (nil, nil)
      (record, nearTerm) = (LiveRecord(), NearTermCorrection())
    }
  }

  /// Updates tracker and fit with the first `count` samples; false when there are too few for a fit.
  private mutating func follow(
    _ history: TimeSeries, upTo count: Int, steps: Int, _ readings: [CovariateReading]
  ) -> Bool {
    let end = history.instant(at: count - 1)
    isFitDue = isFittedApart && learned.map { end >= $0.refitAt } ?? false
    if let learned, isFitDue || end < learned.refitAt, end >= learned.fittedAt,
      learned.stepSeconds == history.step.inSeconds, (learned.regression.knots.last ?? 0) >= steps
    {
      if absorbNew(history, upTo: count) { return true }
      return retrace(history.prefix(count), learned)
    }
    return learn(history.prefix(count), steps: steps, readings)
  }

  /// By how many samples the history's window may move until the next forecast.
  private var margin: Int { max(LoadTrail.leastMargin, 2 * growth) }

  /// Processes the new samples; false when the history is not the previous one extended.
  private mutating func absorbNew(_ history: TimeSeries, upTo count: Int) -> Bool {
    guard var tracker, let regression = learned?.regression else { return false }
    self.tracker = nil  // so that its arrays are changed in place
    let last = history.index(nearest: lastInstant)
    guard last >= 0, last < count, abs(history.instant(at: last).timeIntervalSince(lastInstant)) < 1e-3 else {
      return false
    }
    let before = history.values[last]
    growth = max(count - 1 - last, growth - growth / 8)
    guard before == lastValue || (!before.isFinite && !lastValue.isFinite),
      !tracker.isSparse, tracker.lend(history.values, from: tracker.count - 1 - last)
    else { return false }
    for value in history.values[(last + 1)..<count] {
      if value.isFinite {
        missingRun = 0
        tracker.absorb(regression.units.relative(value))
      } else {
        missingRun += 1
        tracker.absorb(Self.standIn(tracker, missingRun: missingRun))
      }
    }
    self.tracker = tracker
    remember(history, upTo: count)
    return true
  }

  /// The replacement of a missing sample: the last one, and in a longer gap the same time of the last season.
  private static func standIn(_ tracker: LoadTracker, missingRun: Int) -> Double {
    if missingRun > 5, let season = tracker.layout.season, tracker.count >= season {
      return tracker.values[tracker.count - season]
    }
    return tracker.values.last ?? 0
  }

  /// Processes the history again with the existing fit, as after a restart.
  private mutating func retrace(_ history: TimeSeries, _ learned: Learned) -> Bool {
    let regression = learned.regression
    let season = regression.features.layout.season
    let window = history
    let history = learned.extended(window)
    guard history.count >= 2 * (season ?? 4) else { return false }
    var tracker = LoadTracker(
      layout: regression.features.layout, outlierBound: learned.outlierBound, volatilityBound: learned.volatilityBound,
      remembering: history.count)
    for value in AutoModel.filled(history, season: season, units: regression.units) { tracker.absorb(value) }
    tracker.forgetHistory(
      sharing: history.values, from: history.index(nearest: window.start), units: regression.units)
    self.tracker = tracker
    missingRun = 0
    remember(history, upTo: history.count)
    return true
  }

  /// Replaces the fit by a stored one, or by another session's; the history is processed again with it.
  mutating func replaceFit(by learned: Learned) {
    (self.learned, tracker, isFitDue) = (learned, nil, false)
  }

  private mutating func learn(_ history: TimeSeries, steps: Int, _ readings: [CovariateReading]) -> Bool {
    isFitDue = false
    guard let (regression, fitted) = AutoModel.fit(history, steps: steps, covariates: readings) else {
      (learned, tracker) = (nil, nil)
      return false
    }
    let span = Double(history.count) * history.step.inSeconds
    let interval = min(model.refitInterval.inSeconds, max(10 * history.step.inSeconds, span / 10))
    // The offset depends on the load, so that workloads that start together do not always fit at the same time.
    let bits = history.values.reduce(UInt64(history.count)) { ($0 &* 31) ^ $1.bitPattern }
    let spread = 0.75 + 0.5 * Double(bits >> 11 & 1023) / 1024
    learned = Learned(
      regression: regression, outlierBound: fitted.outlierBound, volatilityBound: fitted.volatilityBound,
      stepSeconds: history.step.inSeconds, fittedAt: history.end,
      refitAt: history.end.addingTimeInterval(interval * spread), history: history)
    var fresh = fitted
    fresh.forgetHistory(sharing: history.values, units: regression.units)
    tracker = fresh
    missingRun = 0
    remember(history, upTo: history.count)
    return true
  }

  private mutating func remember(_ history: TimeSeries, upTo count: Int) {
    lastInstant = history.instant(at: count - 1)
    lastValue = count > 0 ? history.values[count - 1] : .nan
  }

  // MARK: Storing

  /// The state that can only be learned by comparing forecasts with measured loads; the fit is stored apart.
  ///
  /// It is stored as a ``StoredBlock``. Version 0.1.0 stored JSON, which can still be read.
  private struct Stored: Decodable {
    /// The version of the JSON that can be read.
    static let jsonVersion = 1
    var version = Stored.jsonVersion
    var tail: HistoryTail
    var record: LiveRecord
    var nearTerm: NearTermCorrection.Stored
  }

  var state: Data? {
    guard let nearTerm = nearTerm.stored else { return nil }
    var writer = ByteWriter()
    tail.write(to: &writer)
    record.write(to: &writer)
    nearTerm.write(to: &writer)
    return StoredBlock(fingerprint: 0, content: writer.bytes).encoded(as: .session)
  }

  mutating func restore(_ state: Data) {
    if state.first == UInt8(ascii: "{") {
      restored = try? JSONDecoder().decode(Stored.self, from: state)
      return
    }
    guard let block = try? StoredBlock(state, as: .session) else { return }
    var reader = ByteReader(block.content[...])
    guard let tail = HistoryTail(from: &reader), let record = LiveRecord(from: &reader),
      let nearTerm = NearTermCorrection.Stored(from: &reader), reader.rest.isEmpty
    else { return }
    restored = Stored(tail: tail, record: record, nearTerm: nearTerm)
  }

  private mutating func takeUpRestored(_ history: TimeSeries) {
    guard let restored else { return }
    self.restored = nil
    guard restored.version == Stored.jsonVersion, restored.tail.isPart(of: history), restored.record.isSound,
      let nearTerm = NearTermCorrection(restored.nearTerm, before: history)
    else { return }
    (record, self.nearTerm) = (restored.record, nearTerm)
  }
}
