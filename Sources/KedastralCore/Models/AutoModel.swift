#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The default model: learns how a load follows from its own past, and says how sure it is.
public struct AutoModel: Model {
  /// `auto`.
  public let name = "auto"

  /// Creates the model.
  public init() {}

  /// Forecasts from one sample on; see Model/forecast(_:steps:quantiles:).
  public func forecast(_ history: TimeSeries, steps: Int, quantiles: [Double]) throws -> Forecast {
    guard let units = LoadUnits(history.values) else {
      return try SeasonalBaseline().forecast(history, steps: steps, quantiles: quantiles)
    }
    let layout = Self.layout(history)
    let filled = history.repairingGaps(season: layout.season).series.values.map(units.relative)
    guard
      let (regression, tracker) = LoadRegression.fit(
        filled, isPresent: history.values.map(\.isFinite), layout: layout, units: units, steps: steps)
    else { return try SeasonalBaseline().forecast(history, steps: steps, quantiles: quantiles) }
    let (values, paths) = regression.forecast(tracker, steps: steps, quantiles: quantiles)
    return Forecast(start: history.end, step: history.step, values: values, quantiles: paths, model: name)
  }

  static func layout(_ history: TimeSeries) -> LoadTracker.Layout {
    let count = history.count
    let periods = PeriodDetection(of: history).periods
    let daySteps = 86_400 / history.step.inSeconds
    let day = daySteps.rounded() == daySteps && daySteps >= 4 ? Int(daySteps) : nil
    var layout = LoadTracker.Layout()
    if let day, count * 2 >= day * 5 {
      layout.season = day
      if count >= 7 * day + max(60, 2 * day) { layout.week = 7 * day }
    } else {
      layout.season = periods.last { $0.steps * 3 <= count }?.steps
    }
    if let season = layout.season {
      layout.shortSeason = periods.filter { $0.steps < season }.max { $0.confidence < $1.confidence }?.steps
    }
    return layout
  }
}
