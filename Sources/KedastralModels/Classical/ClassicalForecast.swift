import KedastralCore

/// Helpers that the classical models share: complete history in, normal quantiles out.
enum ClassicalForecast {
  /// A history without gaps, scaled so that squares neither overflow nor vanish.
  struct Prepared {
    let values: [Double]
    let unit: Double
  }

  /// Prepares the last `limit` samples.
  ///
  /// - Throws: ModelError.notEnoughHistory when fewer than `needed` samples are present.
  static func prepare(_ history: TimeSeries, season: Int?, needed: Int, limit: Int = .max) throws -> Prepared {
    let recent = history.count > limit ? history.suffix(limit) : history
    let present = recent.count - recent.missingCount
    guard present >= needed else { throw ModelError.notEnoughHistory(needed: needed, present: present) }
    let filled = recent.repairingGaps(season: season).series.values
    let largest = filled.reduce(0) { max($0, abs($1)) }
    let unit = largest > 0 ? largest : 1
    return Prepared(values: filled.map { $0 / unit }, unit: unit)
  }

  /// A forecast with the quantiles of normal errors of given deviations.
  static func normal(
    _ history: TimeSeries, unit: Double, means: [Double], deviations: [Double], levels: [Double], model: String,
    reason: String
  ) -> Forecast {
    func load(_ value: Double) -> Double { min(max(0, value.isFinite ? value : 0) * unit, .greatestFiniteMagnitude) }
    let paths = levels.map { level in
      let distance = NormalDistribution.quantile(level)
      return Quantiles.Path(
        level: level, values: zip(means, deviations).map { load($0 + ($1.isFinite ? distance * $1 : 0)) })
    }
    return Forecast(
      start: history.end, step: history.step, values: means.map(load), quantiles: Quantiles(paths), model: model,
      reason: reason)
  }

  /// The season to use: the given one, else the longest detected that fits three times, at most `limit` steps long.
  static func season(_ set: Int?, _ history: TimeSeries, limit: Int) -> Int? {
    if let set { return set >= 2 ? set : nil }
    return PeriodDetection(of: history).periods.last { $0.steps <= limit && $0.steps * 3 <= history.count }?.steps
  }
}
