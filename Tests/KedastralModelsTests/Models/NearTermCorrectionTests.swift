import Foundation
import TestSupport
import Testing

@testable import KedastralCore
@testable import KedastralModels

@Suite("Near-term correction", .numeric)
struct NearTermCorrectionTests {
  private static let levels = [0.1, 0.5, 0.9, 0.99]

  /// What a model that knows only mean and width of a load says after each sample, and what is made of it.
  private struct Run {
    var correction = NearTermCorrection()
    /// For each step ahead, by how much it was off at the median, and how often the load stayed below 0.9.
    var ownErrors = Array(repeating: 0.0, count: 12)
    var errors = Array(repeating: 0.0, count: 12)
    var held = Array(repeating: 0.0, count: 12)
    var widths: [Double] = []
    var last: Forecast?

    init(_ values: [Double], mean: Double, width: Double, judgedFrom: Int = 1500) {
      let start = Date(timeIntervalSince1970: 1_800_000_000)
      for count in 50...(values.count - 12) {
        let history = TimeSeries(start: start, step: .seconds(60), values: Array(values.prefix(count)))
        var forecast = Forecast(
          start: history.end, step: .seconds(60), values: Array(repeating: mean, count: 12),
          quantiles: Quantiles(
            levels.map {
              .init(
                level: $0,
                values: Array(repeating: max(0, mean + width * NormalDistribution.quantile($0)), count: 12))
            }), model: "test")
        correction.correct(&forecast, after: history)
        last = forecast
        #expect(forecast.defect == nil)
        guard count >= judgedFrom else { continue }
        widths.append((forecast.quantiles[0.9]?[0] ?? 0) - forecast.values[0])
        for step in 0..<12 where values[count + step].isFinite {
          let judged = Double(values.count - 12 - judgedFrom + 1)
          ownErrors[step] += abs(values[count + step] - mean) / judged
          errors[step] += abs(values[count + step] - forecast.values[step]) / judged
          if values[count + step] <= forecast.quantiles[0.9]?[step] ?? 0 { held[step] += 1 / judged }
        }
      }
    }
  }

  @Test("corrects by the recent direction of the load, less at each step, and not beyond its reach")
  func momentum() {
    var generator = SyntheticLoad.Generator(seed: 3)
    let run = Run(
      (0..<3000).map { 100 + 50 * sin(Double($0) / 10) + 2 * generator.noise() }, mean: 100, width: 40)
    #expect(run.errors[0] < 0.2 * run.ownErrors[0])
    #expect(run.errors[7] < 0.5 * run.ownErrors[7])
    #expect(run.errors[8] < run.ownErrors[8])
    #expect(run.held[0...7].allSatisfy { (0.85...0.95).contains($0) })
  }

  @Test("makes quantiles narrow in stable times and wide in volatile ones, with correct coverage in both")
  func restlessness() {
    var generator = SyntheticLoad.Generator(seed: 4)
    let run = Run(
      (0..<9000).map { 1000 + ($0 / 500 % 2 == 0 ? 2 : 40) * generator.noise() }, mean: 1000, width: 20,
      judgedFrom: 4000)
    #expect((0.85...0.95).contains(run.held[0]))
    let sorted = run.widths.sorted()
    #expect(sorted[sorted.count / 5] * 3 < sorted[sorted.count * 4 / 5])
  }

  @Test("does not change the forecast of an accurate model")
  func nothingToLearn() {
    var generator = SyntheticLoad.Generator(seed: 5)
    let run = Run((0..<4000).map { _ in 100 + 10 * generator.noise() }, mean: 100, width: 10)
    for step in 0..<12 { #expect(run.errors[step] < 1.05 * run.ownErrors[step]) }
  }

  @Test(
    "handles gaps, spikes, zeros and extreme numbers",
    arguments: [[Double.nan, 5], [0, 1e300], [1e-300, 0], [3, 3, 3, 3, .nan, .infinity], [0]])
  func anything(pattern: [Double]) {
    _ = Run((0..<700).map { pattern[$0 % pattern.count] }, mean: 100, width: 10)
    _ = Run((0..<700).map { pattern[$0 / 70 % pattern.count] }, mean: 0, width: 0)
  }

  @Test("an outlier has little influence")
  func outlier() {
    var generator = SyntheticLoad.Generator(seed: 6)
    var values = (0..<2500).map { 100 + 50 * sin(Double($0) / 10) + 2 * generator.noise() }
    values[2300] = 10_000
    let run = Run(values, mean: 100, width: 40, judgedFrom: 2340)
    #expect(run.errors[0] < 0.3 * run.ownErrors[0])
  }

  @Test("starts again with another step or another load")
  func anotherHistory() {
    var run = Run((0..<800).map { 100 + 50 * sin(Double($0) / 10) }, mean: 100, width: 40)
    #expect(run.correction.correctedSteps > 0)
    let other = TimeSeries(
      start: Date(timeIntervalSince1970: 1_900_000_000), step: .seconds(300), values: Array(repeating: 7, count: 90))
    var forecast = Forecast(start: other.end, step: .seconds(300), values: [7, 7], model: "test")
    run.correction.correct(&forecast, after: other)
    #expect(forecast.values == [7, 7])
    #expect(run.correction.correctedSteps == 0)
  }
}
