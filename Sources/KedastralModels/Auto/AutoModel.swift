import KedastralCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The default model: fits regressions of the load on its own history, and returns calibrated quantiles.
///
///     let forecast = try AutoModel().forecast(history, steps: 60, quantiles: [0.5, 0.9, 0.99])
///     forecast.reason      // "model mix: median of the last 8 days 41 %, …; seasonality: 1 day, 1 week"
/// It uses daily patterns from two and a half days of history on, and weekly patterns from nine days on. With less history it uses
/// the seasons that PeriodDetection finds; below about fifty samples, or for a constant load, it uses SeasonalBaseline. A session
/// fits a few times a day and in between processes each new sample in constant time.
public struct AutoModel: Model {
  /// `auto`.
  public let name = "auto"

  /// How far the users' local clock is ahead of UTC at an instant; nil when their days are UTC days.
  ///
  /// Only its changes matter: where it changes (daylight saving time), the same time yesterday is not 24 hours ago.
  public let utcOffset: (@Sendable (Date) -> Duration)?

  /// The longest time between two fits of a session; shorter while the history is short.
  public let refitInterval: Duration

  /// Identifies the covariates that its sessions receive; 0 without any.
  var covariateBits: UInt64 = 0

  /// Creates the model.
  ///
  /// - Parameters:
  ///   - utcOffset: the offset of the local clock, for loads that follow a clock with daylight saving time.
  ///   - refitInterval: the longest time between two fits of a session.
  public init(utcOffset: (@Sendable (Date) -> Duration)? = nil, refitInterval: Duration = .seconds(6 * 3600)) {
    self.utcOffset = utcOffset
    self.refitInterval = refitInterval
  }

  /// Forecasts from one sample on; see Model/forecast(_:steps:quantiles:).
  public func forecast(_ history: TimeSeries, steps: Int, quantiles: [Double]) throws -> Forecast {
    try forecast(history, steps: steps, quantiles: quantiles, covariates: [])
  }

  /// The same with covariates.
  func forecast(
    _ history: TimeSeries, steps: Int, quantiles: [Double], covariates: [CovariateReading]
  ) throws -> Forecast {
    let clock = LocalClock(utcOffset, history: history, steps: steps)
    let local = clock.localised(history)
    let readings = covariates.map { $0.localised(by: clock, history) }
    guard let (regression, tracker) = Self.fit(local, steps: clock.steps, covariates: readings) else {
      return try simple(history, steps: steps, quantiles: quantiles)
    }
    let view = regression.view(of: readings)
    let (values, paths, _) = regression.forecast(
      tracker, steps: clock.steps, quantiles: quantiles, covariates: view)
    var forecast = Forecast(
      start: history.end, step: history.step, values: clock.standard(values),
      quantiles: paths.mapValues(clock.standard), model: name,
      reason: regression.explanation(step: history.step))
    forecast.members = Forecast.Member.joined(
      zip(regression.names(step: history.step), regression.shares).map { Forecast.Member(name: $0, weight: $1) })
    forecast.expectedError = regression.expectedError(
      stepsAhead: Forecast.stepsJudged(history.step), covariates: view)
    forecast.noteCovariates(of: regression, readings, isUsed: view != nil)
    return forecast
  }

  /// A session that fits every `refitInterval` and updates its state in between.
  public func makeSession() -> any ModelSession { AutoSession(model: self) }

  /// The forecast when there is too little history for a fit.
  func simple(_ history: TimeSeries, steps: Int, quantiles: [Double]) throws -> Forecast {
    var forecast = try firstForecast(history, steps: steps, quantiles: quantiles)
    forecast.reason? += ", until there is enough to learn from"
    return forecast
  }

  /// Fits a history; nil when it is too short.
  static func fit(
    _ history: TimeSeries, steps: Int, covariates: [CovariateReading] = []
  ) -> (regression: LoadRegression, tracker: LoadTracker)? {
    guard let units = LoadUnits(history.values) else { return nil }
    let layout = layout(history)
    return LoadRegression.fit(
      filled(history, season: layout.season, units: units), isPresent: history.values.map(\.isFinite), layout: layout,
      units: units, steps: steps, covariates: covariates, step: history.step)
  }

  /// The history in units of the fit, gaps filled.
  static func filled(_ history: TimeSeries, season: Int?, units: LoadUnits) -> [Double] {
    history.repairingGaps(season: season).series.values.map(units.relative)
  }

  private static func layout(_ history: TimeSeries) -> LoadTracker.Layout {
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
      let shorter = periods.filter {
        $0.steps * 4 < season * 3 && PeriodDetection.canSeparate($0.steps, season, in: count)
      }
      layout.shortSeason = shorter.max { $0.confidence < $1.confidence }?.steps
    }
    return layout
  }
}

extension AutoModel: LearningModel {
  package func firstForecast(_ history: TimeSeries, steps: Int, quantiles: [Double]) throws -> Forecast {
    let baseline: any Model = utcOffset.map { LocalDays(SeasonalBaseline(), utcOffset: $0) } ?? SeasonalBaseline()
    var forecast = try baseline.forecast(history, steps: steps, quantiles: quantiles)
    forecast.model = name
    forecast.reason = "baseline (\(forecast.reason ?? ""))"
    return forecast
  }
}

extension Model where Self == AutoModel {
  /// The recommended model: finds the seasons, combines several forecasts, corrects the near steps by recent errors.
  public static var auto: AutoModel { AutoModel() }
}
