import KedastralCore

/// Repeats the last season; without one, the last sample.
/// The baseline for all other models. Quantiles are those of a normal distribution with the deviation of past seasonal differences,
/// wider with each season.
public struct SeasonalNaive: Model {
  /// `seasonal-naive`.
  public let name = "seasonal-naive"
  /// The season in steps; nil detects it, values below 2 mean that there is none.
  public let season: Int?

  /// Creates the model.
  public init(season: Int? = nil) {
    self.season = season
  }

  /// Forecasts; see Model/forecast(_:steps:quantiles:).
  public func forecast(_ history: TimeSeries, steps: Int, quantiles: [Double]) throws -> Forecast {
    let found = ClassicalForecast.season(season, history, limit: .max).flatMap { $0 <= history.count ? $0 : nil }
    let lag = found ?? 1
    let prepared = try ClassicalForecast.prepare(history, season: found, needed: 1)
    let values = prepared.values
    let changes = zip(values.dropFirst(lag), values).map { $0 - $1 }
    let deviation = (changes.reduce(0) { $0 + $1 * $1 } / Double(max(1, changes.count))).squareRoot()
    return ClassicalForecast.normal(
      history, unit: prepared.unit, means: (0..<steps).map { values[values.count - lag + $0 % lag] },
      deviations: (0..<steps).map { deviation * Double($0 / lag + 1).squareRoot() }, levels: quantiles, model: name,
      reason: found.map { "the last \($0) steps repeated" } ?? "the last sample repeated")
  }
}
