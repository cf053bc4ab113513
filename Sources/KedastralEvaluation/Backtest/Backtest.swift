import KedastralCore
import KedastralModels

/// Measures a model on past load: forecasts from many origins, each using only the history before it.
///
///     let result = try await Backtest(.standard(step: series.step)).run(AutoModel(), on: series, cpuSeconds: clock)
///     result.score.mase                // below 1: better than repeating yesterday
public struct Backtest: Sendable {
  /// The result for one model and series.
  public struct Result: Sendable, Equatable {
    /// Errors, averaged over origins.
    public var score: AccuracyScore
    /// The number of scored origins.
    public var originCount: Int
    /// CPU milliseconds of a first forecast from the whole window, fit and selection included; the mean over origins.
    public var fitMillis: Double
    /// CPU milliseconds of a forecast in steady state: one sample after the last, with the session's state.
    public var forecastMillis: Double

    /// The mean over the series of a collection; nil of none.
    public static func mean(_ results: [Result]) -> Result? {
      guard let score = AccuracyScore.mean(results.map(\.score)) else { return nil }
      let count = Double(results.count)
      return Result(
        score: score, originCount: results.map(\.originCount).reduce(0, +),
        fitMillis: results.map(\.fitMillis).reduce(0, +) / count,
        forecastMillis: results.map(\.forecastMillis).reduce(0, +) / count)
    }
  }

  /// The origins.
  public var origin: RollingOrigin
  /// The requested quantile levels.
  public var levels: [Double]

  /// Creates a backtest.
  public init(_ origin: RollingOrigin, levels: [Double] = [0.5, 0.9, 0.95]) {
    self.origin = origin
    self.levels = levels
  }

  /// Runs `model` over `series`.
  ///
  /// - Parameter cpuSeconds: the CPU time this process has used so far.
  /// - Returns: nil when the series has no origin with a known load behind it.
  /// - Throws: what the model throws.
  public func run(_ model: any Model, on series: TimeSeries, cpuSeconds: () -> Double) async throws -> Result? {
    var scores: [AccuracyScore] = []
    var (fitSeconds, forecastSeconds, fits) = (0.0, 0.0, 0)
    let origins = origin.origins(count: series.count)
    for index in origins {
      let history = series.slice(max(0, index - origin.window)..<index)
      let actual = Array(series.values[index..<index + origin.horizon])
      let began = cpuSeconds()
      let forecast = try model.forecast(history, steps: origin.horizon, quantiles: levels)
      fitSeconds += cpuSeconds() - began
      fits += 1
      let scale = AccuracyScore.seasonalScale(of: history, season: origin.season)
      if let score = AccuracyScore(forecast, actual: actual, scale: scale) { scores.append(score) }
      if index == origins.last {
        forecastSeconds = try await steadyState(model, history, cpuSeconds)
      }
    }
    guard let score = AccuracyScore.mean(scores) else { return nil }
    return Result(
      score: score, originCount: scores.count, fitMillis: fitSeconds / Double(fits) * 1000,
      forecastMillis: forecastSeconds * 1000)
  }

  /// Scores one forecast of a series with a separate test part, as the M competitions have them.
  public func run(
    _ model: any Model, history: TimeSeries, test: [Double], cpuSeconds: () -> Double
  ) async throws -> Result? {
    let began = cpuSeconds()
    let forecast = try model.forecast(history, steps: test.count, quantiles: levels)
    let fitSeconds = cpuSeconds() - began
    let scale = AccuracyScore.seasonalScale(of: history, season: origin.season)
    guard let score = AccuracyScore(forecast, actual: test, scale: scale) else { return nil }
    let steady = try await steadyState(model, history, cpuSeconds)
    return Result(score: score, originCount: 1, fitMillis: fitSeconds * 1000, forecastMillis: steady * 1000)
  }

  private func steadyState(
    _ model: any Model, _ history: TimeSeries, _ cpuSeconds: () -> Double
  ) async throws -> Double {
    let rounds = 5
    guard history.count > rounds else { return 0 }
    var session = model.makeSession()
    _ = try await session.forecast(
      history.slice(0..<history.count - rounds), steps: origin.horizon, quantiles: levels)
    let began = cpuSeconds()
    for round in 1...rounds {
      let grown = history.slice(0..<history.count - rounds + round)
      _ = try await session.forecast(grown, steps: origin.horizon, quantiles: levels)
    }
    return (cpuSeconds() - began) / Double(rounds)
  }
}
