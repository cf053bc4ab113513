import Foundation
import KedastralCore
import TestSupport
import Testing

@testable import KedastralEvaluation

@Suite("Backtest", .numeric)
struct BacktestTests {
  private struct Yesterday: Model {
    let name = "yesterday"
    func forecast(_ history: TimeSeries, steps: Int, quantiles: [Double]) throws -> Forecast {
      let values = (0..<steps).map { history.values[history.count - 24 + $0 % 24] }
      return Forecast(
        start: history.end, step: history.step, values: values,
        quantiles: Quantiles(quantiles.map { Quantiles.Path(level: $0, values: values) }), model: name)
    }
  }

  @Test("scores equal those computed by hand: errors 1, 0, −2 on a scale of 2")
  func byHand() throws {
    let forecast = Forecast(
      start: Date(timeIntervalSince1970: 0), step: .seconds(60), values: [9, 10, 12, 5],
      quantiles: Quantiles([Quantiles.Path(level: 0.9, values: [11, 9, 12, 5])]), model: "hand")
    let score = try #require(AccuracyScore(forecast, actual: [10, 10, 10, .nan], scale: 2))
    #expect(score.mase == 0.5)
    #expect(score.wmape == 0.1)
    #expect(abs(score.rmse - (5.0 / 3).squareRoot()) < 1e-12)
    // Pinball 0.9: 0.1·1, 0.9·1, 0.1·2; the mean over the scale.
    #expect(abs((score.pinball[0.9] ?? 0) - 0.2) < 1e-12)
    #expect(score.coverage[0.9] == 2.0 / 3)
  }

  @Test("negative forecasts count as zero, and unknown loads are ignored")
  func clamped() throws {
    let forecast = Forecast(start: Date(timeIntervalSince1970: 0), step: .seconds(60), values: [-5, 3], model: "hand")
    #expect(try #require(AccuracyScore(forecast, actual: [0, .nan], scale: 1)).mase == 0)
    #expect(AccuracyScore(forecast, actual: [.nan, .nan], scale: 1) == nil)
  }

  @Test("an error relative to zero has no value, and means ignore it")
  func noValue() throws {
    func score(_ values: [Double], _ actual: [Double], scale: Double = 1) throws -> AccuracyScore {
      let forecast = Forecast(
        start: Date(timeIntervalSince1970: 0), step: .seconds(60), values: values,
        quantiles: Quantiles([Quantiles.Path(level: 0.9, values: values)]), model: "hand")
      return try #require(AccuracyScore(forecast, actual: actual, scale: scale))
    }
    let silent = try score([1, 2], [0, 0])
    #expect(silent.wmape.isNaN && silent.mase == 1.5)
    #expect(try score([0, 0], [0, 0]).wmape.isNaN)
    let still = try score([6], [5], scale: 0)
    #expect(still.mase.isNaN && still.pinball[0.9]?.isNaN == true && still.wmape == 0.2)
    #expect(try score([5], [5], scale: 0).mase == 0, "no error is none on any scale")
    let mean = try #require(AccuracyScore.mean([silent, still, try score([12], [10])]))
    #expect(abs(mean.wmape - 0.2) < 1e-12 && mean.mase == 1.75)
    #expect(try #require(AccuracyScore.mean([silent, silent])).wmape.isNaN)
  }

  @Test("the scale is the mean change from season to season, over bridged gaps")
  func scale() {
    let start = Date(timeIntervalSince1970: 0)
    let history = TimeSeries(start: start, step: .seconds(60), values: [1, 2, .nan, 4, 5, 6])
    #expect(AccuracyScore.seasonalScale(of: history, season: 2) == 2)
    #expect(AccuracyScore.seasonalScale(of: history, season: 10) == 1)
  }

  @Test("selects twenty origins in the last fifth, the last one a horizon before the end")
  func origins() {
    let origins = RollingOrigin(horizon: 12, window: 4032, season: 288).origins(count: 4032)
    #expect(origins.count == 20)
    #expect(origins.first == 3225)
    #expect(origins.last == 4020)
    #expect(RollingOrigin(horizon: 12, window: 10, season: 2).origins(count: 13).isEmpty)
  }

  @Test("horizons and windows follow from the step")
  func standard() {
    #expect(RollingOrigin.standard(step: .seconds(60)) == RollingOrigin(horizon: 60, window: 10_080, season: 1440))
    #expect(RollingOrigin.standard(step: .seconds(300)) == RollingOrigin(horizon: 12, window: 4032, season: 288))
    #expect(RollingOrigin.standard(step: .seconds(1800)) == RollingOrigin(horizon: 48, window: 1344, season: 48))
  }

  @Test("repeating yesterday is perfect for a periodic load")
  func perfect() async throws {
    let series = SyntheticLoad.series(count: 24 * 20, stepSeconds: 3600) { hour, _ in Double(hour % 24) }
    let result = try #require(
      try await Backtest(.standard(step: series.step)).run(Yesterday(), on: series, cpuSeconds: { 0 }))
    #expect(result.score.mase == 0)
    #expect(result.score.coverage[0.9] == 1)
  }

  @Test("a model receives no samples after the origin")
  func noLeakage() async throws {
    struct Spy: Model {
      let name = "spy"
      func forecast(_ history: TimeSeries, steps: Int, quantiles: [Double]) throws -> Forecast {
        #expect(history.count <= 48)
        // Hour k of the series has the value k, so the next step is known from the last one seen.
        let values = (1...steps).map { (history.values.last ?? 0) + Double($0) }
        return Forecast(start: history.end, step: history.step, values: values, model: name)
      }
    }
    let series = SyntheticLoad.series(count: 400, stepSeconds: 3600) { hour, _ in Double(hour) }
    let backtest = Backtest(RollingOrigin(horizon: 12, window: 48, season: 24))
    let result = try #require(try await backtest.run(Spy(), on: series, cpuSeconds: { 0 }))
    #expect(result.score.mase == 0)
    #expect(result.originCount == 20)
  }

  @Test("names the invalid line of the M4 long format")
  func badLongFormat() {
    #expect(throws: TraceText.Problem.line(3, "H1,train,1;6")) {
      try TraceText.splitSeries("id,split,step,value\nH1,train,0,5\nH1,train,1;6\n")
    }
  }

  @Test("reads the M4 long format")
  func longFormat() throws {
    let series = try TraceText.splitSeries(
      "id,split,step,value\nH1,train,0,5\nH1,train,1,6\nH1,test,2,7\nH2,train,0,1\n")
    #expect(series.map(\.id) == ["H1", "H2"])
    #expect(series[0].train == [5, 6])
    #expect(series[0].test == [7])
  }
}
