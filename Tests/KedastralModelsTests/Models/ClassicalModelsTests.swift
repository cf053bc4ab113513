import Foundation
import TestSupport
import Testing

@testable import KedastralCore
@testable import KedastralModels

/// Recorded by scripts/record-classical-models.py.
private struct Recorded: Decodable {
  struct ArimaCase: Decodable {
    var order: [Int]
    var parameters: [Double]
    var logLikelihood: Double
    var differencedForecast: [Double]
    var bestLogLikelihood: Double
  }
  struct SmoothingCase: Decodable {
    var trend: String
    var season: String
    var parameters: [Double]
    var level: Double
    var slope: Double
    var parts: [Double]
    var sse: Double
    var forecast: [Double]
    var bestSSE: Double
    var published: Published?
  }
  struct Published: Decodable {
    var sse: Double
    var forecast: [Double]
  }
  struct ThetaCase: Decodable {
    var smoothing: Double
    var theta: Double
    var level: Double
    var meanSquare: Double
    var forecast: [Double]
  }
  struct MultiSeasonCases: Decodable {
    struct Case: Decodable {
      var periods: [Int]
      var strides: [Int]
      var trend: [Double]
      var seasons: [[Double]]
    }
    var series: [Double]
    var cases: [Case]
  }
  struct LongSeason: Decodable {
    var series: [Double]
    var season: Int
    var parameters: [Double]
    var deviance: Double
    var forecast: [Double]
    var exactForecast: [Double]
    var deviation: Double
  }
  var series: [Double]
  var arima: [ArimaCase]
  var ets: [SmoothingCase]
  var theta: [ThetaCase]
  var thetaSeason: [Double]
  var multiSeason: MultiSeasonCases
  var longSeason: LongSeason

  static func load() throws -> Recorded {
    let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures/ClassicalModels.json")
    return try JSONDecoder().decode(Recorded.self, from: Data(contentsOf: file))
  }
}

@Suite("Classical models", .numeric)
struct ClassicalModelsTests {
  @Test("ARIMA has the likelihood and forecast that statsmodels computes, and fits as well", arguments: 0..<3)
  func arima(index: Int) throws {
    let recorded = try Recorded.load()
    let expected = recorded.arima[index]
    let o = expected.order
    let order = Arima.Order(
      p: o[0], d: o[1], q: o[2], seasonalP: o[3], seasonalD: o[4], seasonalQ: o[5], season: max(1, o[6]))
    var rest = expected.parameters[...]
    func next(_ count: Int) -> [Double] {
      defer { rest = rest.dropFirst(count) }
      return Array(rest.prefix(count))
    }
    let (ar, ma, seasonalAR, seasonalMA) = (next(o[0]), next(o[2]), next(o[3]), next(o[5]))
    let process = ArimaProcess(ar: ar, ma: ma, seasonalAR: seasonalAR, seasonalMA: seasonalMA, season: order.season)
    let isPlain = o[1] + o[4] == 0
    let mean = isPlain ? recorded.series.reduce(0, +) / Double(recorded.series.count) : 0
    let fit = ArimaFit(recorded.series, order, process: process, mean: mean)
    #expect(abs(fit.logLikelihood - expected.logLikelihood) < 1e-3)
    // Forecast differences again what was summed back.
    var all = recorded.series + fit.forecast(6).means
    for _ in 0..<o[4] { all = zip(all.dropFirst(o[6]), all).map { $0 - $1 } }
    for _ in 0..<o[1] { all = zip(all.dropFirst(1), all).map { $0 - $1 } }
    for (value, reference) in zip(all.suffix(6), expected.differencedForecast) {
      #expect(abs(value - mean - reference) < 1e-5)
    }
    #expect(ArimaFit(recorded.series, order).logLikelihood > expected.bestLogLikelihood - 0.5)
  }

  @Test("exponential smoothing has the errors and forecast that statsmodels computes", arguments: 0..<4)
  func smoothing(index: Int) throws {
    let recorded = try Recorded.load()
    let expected = recorded.ets[index]
    let trend = try #require(ExponentialSmoothing.Trend(rawValue: expected.trend))
    let season = try #require(ExponentialSmoothing.Season(rawValue: expected.season))
    var parameters = SmoothingFit.Parameters(level: expected.parameters[0])
    var rest = expected.parameters.dropFirst()
    if trend != .none { parameters.trend = rest.removeFirst() }
    if season != .none { parameters.season = rest.removeFirst() }
    if trend == .damped { parameters.damping = rest.removeFirst() }
    let fit = SmoothingFit(
      recorded.series, trend: trend, season: season, parameters: parameters,
      from: SmoothingFit.State(level: expected.level, trend: expected.slope, season: expected.parts))
    // statsmodels divides a multiplicative season's error by the new level; this model by the expected one, as published.
    if let published = expected.published {
      #expect(abs(fit.squares - published.sse) < 1e-6 * published.sse)
      for (value, reference) in zip(fit.forecast(14), published.forecast) {
        #expect(abs(value - reference) < 1e-6 * abs(reference))
      }
    }
    let tolerance = expected.published == nil ? 1e-6 : 2e-3
    #expect(abs(fit.squares - expected.sse) < tolerance * expected.sse)
    for (value, reference) in zip(fit.forecast(14), expected.forecast) {
      #expect(abs(value - reference) < tolerance * abs(reference))
    }
    let best = SmoothingFit(
      optimising: recorded.series, trend: trend, season: season, length: season == .none ? 1 : 12)
    #expect(best.squares < 1.1 * expected.bestSSE)
  }

  @Test(
    "a season too long for the exact likelihood uses the conditional one, with nearly the same forecast")
  func longSeason() throws {
    let expected = try Recorded.load().longSeason
    let process = ArimaProcess(
      ar: [expected.parameters[0]], ma: [], seasonalAR: [], seasonalMA: [expected.parameters[1]],
      season: expected.season)
    let differenced = zip(expected.series.dropFirst(expected.season), expected.series).map { $0 - $1 }
    let pass = process.run(differenced, steps: 10)
    #expect(abs(pass.deviance - expected.deviance) < 1e-6)
    for (value, reference) in zip(pass.forecast, expected.forecast) { #expect(abs(value - reference) < 1e-6) }
    for (value, reference) in zip(pass.forecast, expected.exactForecast) {
      #expect(abs(value - reference) < 0.5 * expected.deviation)
    }
  }

  @Test("Theta has the errors and forecast that statsforecast computes", arguments: 0..<3)
  func theta(index: Int) throws {
    let recorded = try Recorded.load()
    let expected = recorded.theta[index]
    let fit = ThetaFit(
      recorded.series, level: expected.level, smoothing: expected.smoothing, theta: expected.theta)
    #expect(abs(fit.meanSquare - expected.meanSquare) < 1e-6 * expected.meanSquare)
    for (value, reference) in zip(fit.forecast(8).means, expected.forecast) {
      #expect(abs(value - reference) < 1e-5)
    }
  }

  @Test("Theta with a season, optimised, forecasts as statsforecast's does")
  func thetaSeason() throws {
    let recorded = try Recorded.load()
    let history = SyntheticLoad.series(count: recorded.series.count) { index, _ in recorded.series[index] }
    let forecast = try Theta(seasonLength: 12).forecast(history, steps: 14, quantiles: [0.9])
    for (value, reference) in zip(forecast.values, recorded.thetaSeason) {
      #expect(abs(value - reference) < 1e-3 * reference)
    }
  }

  @Test("decomposes several seasons as statsmodels does, with reduced weights of outliers", arguments: 0..<3)
  func multiSeason(index: Int) throws {
    let recorded = try Recorded.load().multiSeason
    let expected = recorded.cases[index]
    let parts = SeasonalParts(recorded.series, seasons: expected.periods) { settings in
      settings.seasonStride = expected.strides[0]
      settings.trendStride = expected.strides[1]
      settings.lowPassStride = expected.strides[2]
    }
    for (value, reference) in zip(parts.trend, expected.trend) { #expect(abs(value - reference) < 1e-5) }
    for (season, reference) in zip(parts.seasons, expected.seasons) {
      #expect(zip(season, reference).allSatisfy { abs($0 - $1) < 1e-5 })
    }
  }

  @Test("mstl finds the day and the week, and ignores a spike of one minute")
  func dayAndWeek() throws {
    func load(_ index: Int) -> Double {
      let isWeekend = index / 96 % 7 >= 5
      return (isWeekend ? 100 : 200) - 80 * cos(2 * .pi * Double(index % 96) / 96)
    }
    let count = 4 * 7 * 96
    var history = SyntheticLoad.series(count: count, stepSeconds: 900) { index, generator in
      load(index) + 2 * generator.noise()
    }
    history.values[count - 7 * 96 + 20] *= 10
    history.values[count - 3] *= 10
    let forecast = try MultiSeason().forecast(history, steps: 7 * 96, quantiles: [0.9])
    let errors = forecast.values.enumerated().map { abs($1 - load(count + $0)) }
    #expect(errors.reduce(0, +) / Double(errors.count) < 12)
    #expect(forecast.values[20] < 1.3 * load(count + 20))
    #expect(forecast.reason?.contains("96 and 672 steps") == true)
  }

  @Test("the normal quantile is the tabulated one")
  func normal() {
    #expect(abs(NormalDistribution.quantile(0.975) - 1.959963985) < 1e-7)
    #expect(abs(NormalDistribution.quantile(0.01) + 2.326347874) < 1e-7)
  }

  @Test("Croston's rate equals the one computed by hand, with the correction of Syntetos and Boylan")
  func croston() {
    // Sizes 4, 2 with intervals 2, 3: 4 − 0.1·2 = 3.8 over 2 + 0.1·1 = 2.1, times 0.95.
    #expect(abs(Croston.rate([0, 4, 0, 0, 2], smoothing: 0.1) - 0.95 * 3.8 / 2.1) < 1e-12)
    #expect(Croston.rate([0, 0, 0], smoothing: 0.1) == 0)
  }

  @Test("repeats the last season")
  func seasonalNaive() throws {
    let history = SyntheticLoad.series(count: 100) { minute, _ in Double(minute % 7) }
    let forecast = try SeasonalNaive(season: 7).forecast(history, steps: 9, quantiles: [0.9])
    #expect(zip(forecast.values, 100..<109).allSatisfy { abs($0 - Double($1 % 7)) < 1e-12 })
  }

  @Test("an invalid order is rejected by name")
  func impossibleOrder() {
    let history = SyntheticLoad.series(count: 100, SyntheticLoad.day)
    #expect(throws: ModelError.self) {
      try Arima(Arima.Order(p: -1, d: 0, q: 0)).forecast(history, steps: 3, quantiles: [])
    }
    #expect(throws: ModelError.self) {
      try Arima(Arima.Order(p: 1, d: 0, q: 0, seasonalP: 1, season: 0)).forecast(history, steps: 3, quantiles: [])
    }
  }

  @Test("any series gives finite, non-negative forecasts", arguments: 0..<8)
  func anySeries(seed: Int) throws {
    let history = SyntheticLoad.anything(seed: UInt64(seed)).suffix(150)
    let models: [any Model] = [
      SeasonalNaive(), Croston(), ExponentialSmoothing(), Arima(Arima.Order(p: 1, d: 1, q: 1)), Theta(),
      MultiSeason(seasons: [7, 24]), MultiSeason(),
    ]
    for model in models {
      do {
        #expect(try model.forecast(history, steps: 20, quantiles: [0.5, 0.9]).defect == nil)
      } catch ModelError.notEnoughHistory {
        continue
      }
    }
  }
}
