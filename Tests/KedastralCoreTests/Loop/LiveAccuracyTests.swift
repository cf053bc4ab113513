import Foundation
import Testing

@testable import KedastralCore

@Suite("Live accuracy")
struct LiveAccuracyTests {
  private let start = Date(timeIntervalSince1970: 0)

  /// Minutes of a load, with a forecast every `interval` of them.
  private func run(
    _ minutes: Int, every interval: Int = 1, load: (Int) -> Double, forecast: (Int) -> Double
  ) -> LiveAccuracy {
    var accuracy = LiveAccuracy()
    for minute in stride(from: 0, to: minutes, by: interval) {
      let now = start + .seconds(60 * minute)
      accuracy.settle(TimeSeries(start: start, step: .seconds(60), values: (0...minute).map(load)))
      let values = (1...6).map { forecast(minute + $0) }
      accuracy.remember(
        Forecast(
          start: now, step: .seconds(60), values: values,
          quantiles: Quantiles([.init(level: 0.9, values: values.map { $0 * 1.1 })]), model: "test"))
    }
    return accuracy
  }

  @Test("the error is that of forecasts five minutes old, over the load")
  func error() throws {
    let accuracy = run(60, load: { _ in 100 }, forecast: { _ in 75 })
    #expect(accuracy.relativeError == 0.25)
    #expect(accuracy.coverage == ["0.9": 0])
    let right = run(60, load: Double.init, forecast: Double.init)
    #expect(right.relativeError == 0)
    #expect(right.coverage == ["0.9": 1])
  }

  @Test("a plan has the model's expected error until there are enough comparisons, then the measured one")
  func expected() {
    func told(_ minutes: Int) -> Double? {
      var forecast = Forecast(start: start, step: .seconds(60), values: [1], model: "test")
      forecast.expectedError = 0.06
      return run(minutes, load: { _ in 100 }, forecast: { _ in 75 }).record(of: forecast, repairedShare: nil)?
        .relativeError
    }
    #expect(told(1) == 0.06 && told(14) == 0.06 && told(60) == 0.25)
    let silent = Forecast(start: start, step: .seconds(60), values: [1], model: "test")
    #expect(LiveAccuracy().record(of: silent, repairedShare: nil) == nil)
  }

  @Test("reports nothing before ten comparisons, and drops those older than an hour")
  func memory() {
    #expect(run(14, load: { _ in 1 }, forecast: { _ in 2 }).relativeError == nil)
    #expect(run(15, load: { _ in 1 }, forecast: { _ in 2 }).relativeError == 1)
    #expect(run(200, load: { $0 < 130 ? 5 : 100 }, forecast: { _ in 100 }).relativeError == 0)
  }

  @Test("compares forecasts that are made less often than the load is measured", arguments: [2, 3, 7])
  func seldom(interval: Int) {
    #expect(run(60 * interval, every: interval, load: { _ in 100 }, forecast: { _ in 75 }).relativeError == 0.25)
  }

  @Test("missing loads are not compared, and different quantiles restart the comparison")
  func missing() {
    var accuracy = run(60, load: { $0 % 2 == 0 ? 100 : .nan }, forecast: { $0 % 2 == 0 ? 75 : 0 })
    #expect(accuracy.relativeError == 0.25)
    accuracy.remember(Forecast(start: start, step: .seconds(60), values: [1], model: "test"))
    #expect(accuracy.relativeError == nil && accuracy.coverage == nil)
  }

  @Test("a load of zero has no relative error")
  func zero() {
    #expect(run(60, load: { _ in 0 }, forecast: { _ in 2 }).relativeError == nil)
  }
}
