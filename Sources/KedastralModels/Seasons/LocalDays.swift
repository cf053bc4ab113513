import KedastralCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A model whose days are those of a local clock: it sees the history by that clock, so that the same time yesterday is the same
/// time where daylight saving time begins or ends.
///
///     LocalDays(SeasonalBaseline(), utcOffset: { .seconds(berlin.offsetSeconds(at: $0)) })
///
/// For models that keep nothing between two forecasts; AutoModel has a clock of its own.
package struct LocalDays: Model {
  private let model: any Model
  private let utcOffset: @Sendable (Date) -> Duration

  package var name: String { model.name }

  /// Wraps a model.
  ///
  /// - Parameter utcOffset: what the local clock is ahead of UTC at an instant; only its changes matter.
  package init(_ model: any Model, utcOffset: @escaping @Sendable (Date) -> Duration) {
    self.model = model
    self.utcOffset = utcOffset
  }

  package func forecast(_ history: TimeSeries, steps: Int, quantiles: [Double]) throws -> Forecast {
    let clock = LocalClock(utcOffset, history: history, steps: steps)
    let local = try model.forecast(clock.localised(history), steps: clock.steps, quantiles: quantiles)
    var forecast = Forecast(
      start: history.end, step: history.step, values: clock.standard(local.values),
      quantiles: local.quantiles.mapValues(clock.standard), model: local.model, reason: local.reason)
    forecast.members = local.members
    forecast.mase = local.mase
    forecast.expectedError = local.expectedError
    return forecast
  }
}
