/// A model that can forecast from a short history at little cost, until a workload's whole history is read and fitted.
package protocol LearningModel: Model {
  /// Forecasts from the last hours alone; no state is kept.
  func firstForecast(_ history: TimeSeries, steps: Int, quantiles: [Double]) throws -> Forecast
}

/// The session of a model that has not been fitted yet.
struct FirstSession: ModelSession {
  let model: any LearningModel

  func forecast(_ history: TimeSeries, steps: Int, quantiles: [Double]) throws -> Forecast {
    var forecast = try model.firstForecast(history, steps: steps, quantiles: quantiles)
    let span = DurationText.format(history.step * history.count)
    let reasons = ["first plan: a simple forecast from the last \(span), until the whole history is read and fitted"]
    forecast.reason = (reasons + [forecast.reason].compactMap(\.self)).joined(separator: "; ")
    return forecast
  }
}
