import KedastralCore

/// The accuracy of a model's forecasts: the errors of one origin, or the mean over many.
///
/// Missing actual loads are left out. Forecasts below zero count as zero. A ratio to zero is NaN, which tables print as
/// a dash, JSON as null, and means ignore.
public struct AccuracyScore: Sendable, Equatable {
  /// Mean absolute error over the mean absolute change from season to season of the history (Hyndman & Koehler 2006);
  /// NaN of an error when the history does not change.
  public var mase: Double
  /// Sum of absolute errors over the sum of absolute loads; NaN when that is 0.
  public var wmape: Double
  /// Root of the mean squared error, in units of the load.
  public var rmse: Double
  /// Mean pinball loss by quantile level (Koenker & Bassett 1978), over the same scale as `mase`.
  public var pinball: [Double: Double]
  /// The share of loads at or below a quantile, by level.
  public var coverage: [Double: Double]

  /// Scores one forecast.
  ///
  /// - Parameters:
  ///   - forecast: the forecast; the quantile levels it has are scored.
  ///   - actual: the measured loads, NaN where unknown; as many as the forecast has steps.
  ///   - scale: the scale of errors, see `seasonalScale`.
  /// - Returns: nil when no actual load is known.
  public init?(_ forecast: Forecast, actual: [Double], scale: Double) {
    let pairs = zip(forecast.values, actual).filter { $0.1.isFinite }
    guard !pairs.isEmpty else { return nil }
    let count = Double(pairs.count)
    let errors = pairs.map { $0.1 - max(0, $0.0) }
    let total = errors.reduce(0) { $0 + abs($1) }
    // Without an error the scaled error is 0 for any scale.
    func scaled(_ error: Double) -> Double { error == 0 ? 0 : Self.ratio(error, to: scale) }
    mase = scaled(total / count)
    wmape = Self.ratio(total, to: pairs.reduce(0) { $0 + abs($1.1) })
    rmse = (errors.reduce(0) { $0 + $1 * $1 } / count).squareRoot()
    pinball = [:]
    coverage = [:]
    for path in forecast.quantiles.paths {
      var (loss, covered) = (0.0, 0)
      for (quantile, load) in zip(path.values, actual) where load.isFinite {
        let error = load - max(0, quantile)
        loss += max(path.level * error, (path.level - 1) * error)
        if error <= 0 { covered += 1 }
      }
      pinball[path.level] = scaled(loss / count)
      coverage[path.level] = Double(covered) / count
    }
  }

  private init(mase: Double, wmape: Double, rmse: Double) {
    (self.mase, self.wmape, self.rmse, pinball, coverage) = (mase, wmape, rmse, [:], [:])
  }

  private static func ratio(_ value: Double, to other: Double) -> Double { other > 0 ? value / other : .nan }

  /// The mean of scores; nil if there are none. Levels that some scores lack are averaged over those that have them.
  public static func mean(_ scores: [AccuracyScore]) -> AccuracyScore? {
    guard !scores.isEmpty else { return nil }
    func mean(_ values: [Double]) -> Double {
      let known = values.filter { !$0.isNaN }
      return ratio(known.reduce(0, +), to: Double(known.count))
    }
    var result = AccuracyScore(
      mase: mean(scores.map(\.mase)), wmape: mean(scores.map(\.wmape)), rmse: mean(scores.map(\.rmse)))
    for level in Set(scores.flatMap(\.pinball.keys)) {
      result.pinball[level] = mean(scores.compactMap { $0.pinball[level] })
      result.coverage[level] = mean(scores.compactMap { $0.coverage[level] })
    }
    return result
  }

  /// The mean absolute change from one season to the next over a history whose gaps are bridged by straight lines; of
  /// neighbours when the history is no longer than a season.
  public static func seasonalScale(of history: TimeSeries, season: Int) -> Double {
    let values = history.repairingGaps(longestLinearGap: .max).series.values
    let lag = values.count > season ? max(1, season) : 1
    guard values.count > lag else { return 0 }
    let changes = zip(values.dropFirst(lag), values).map { abs($0 - $1) }
    return changes.reduce(0, +) / Double(changes.count)
  }
}
