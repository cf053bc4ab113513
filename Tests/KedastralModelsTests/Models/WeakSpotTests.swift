import Foundation
import TestSupport
import Testing

@testable import KedastralCore
@testable import KedastralModels

/// Kinds of load in which patterns of the past do not apply, or apply only in part.
@Suite("Auto model: dead, frozen and shifted loads", .numeric)
struct WeakSpotTests {
  private let levels = [0.1, 0.5, 0.9, 0.99]

  /// A noisy day of five-minute steps.
  private static func day(_ step: Int, _ generator: inout SyntheticLoad.Generator) -> Double {
    SyntheticLoad.day(step * 5, &generator)
  }

  private func series(_ count: Int, _ value: (Int, inout SyntheticLoad.Generator) -> Double) -> TimeSeries {
    SyntheticLoad.series(count: count, stepSeconds: 300, value)
  }

  private func forecast(_ history: TimeSeries, steps: Int = 48) throws -> Forecast {
    let forecast = try AutoModel().forecast(history, steps: steps, quantiles: levels)
    #expect(forecast.defect == nil)
    return forecast
  }

  @Test(
    "a load that has stood still for a working day stays where it is for the next hour, however the days before went")
  func frozen() throws {
    let history = series(10 * 288 + 96) { step, generator in step < 10 * 288 ? Self.day(step, &generator) : 304.5 }
    let forecast = try forecast(history, steps: 12)
    #expect(forecast.values.allSatisfy { abs($0 - 304.5) < 2 }, "\(forecast.values)")
  }

  @Test("quantiles of a load that stands still for the first time include what it did before")
  func frozenWidth() throws {
    let history = series(10 * 288 + 24) { step, generator in step < 10 * 288 ? Self.day(step, &generator) : 304.5 }
    let forecast = try forecast(history)
    let (low, high) = (try #require(forecast.quantiles[0.1]), try #require(forecast.quantiles[0.9]))
    #expect(high[47] - low[47] > 50, "\(low[47]) to \(high[47])")
  }

  @Test("a load that moves again after a standstill is forecast by its pattern")
  func thawed() throws {
    let history = series(12 * 288) { step, generator in
      (8 * 288..<8 * 288 + 100).contains(step) ? 304.5 : Self.day(step, &generator)
    }
    let forecast = try forecast(history, steps: 12)
    #expect(forecast.values.allSatisfy { abs($0 - 50) < 25 }, "\(forecast.values)")
  }

  @Test("a load that was dead for two weeks and woke three hours ago is not forecast above what it has shown")
  func deadLoad() throws {
    let history = series(14 * 288) { step, generator in
      step < 14 * 288 - 36 ? 0 : step < 14 * 288 - 3 ? 10_500 + 30 * generator.noise() : 850
    }
    let highest = history.values.max() ?? 0
    let forecast = try forecast(history)
    #expect(forecast.values.allSatisfy { $0 < 1.15 * highest }, "\(forecast.values.max() ?? 0)")
    #expect(forecast.quantiles[0.9]?.allSatisfy { $0 < 1.3 * highest } == true)
  }

  @Test("the end of an outage does not make a hump")
  func outage() throws {
    let history = series(14 * 288) { step, generator in
      (14 * 288 - 45..<14 * 288 - 11).contains(step) ? 0 : 560 + 4 * generator.noise()
    }
    let highest = history.values.max() ?? 0
    let forecast = try forecast(history)
    #expect(forecast.values.allSatisfy { $0 < 1.15 * highest }, "\(forecast.values.max() ?? 0)")
  }

  @Test("a new level that lasts is not forgotten within the horizon")
  func newLevel() throws {
    let history = series(14 * 288) { step, _ in step < 14 * 288 - 60 ? (step % 40 == 0 ? 30 : 0) : 551.2 }
    let forecast = try forecast(history)
    #expect(forecast.values.allSatisfy { $0 > 500 && $0 < 600 }, "\(forecast.values)")
  }

  @Test("a machine that is on and off at random has no 0.9 quantile far above its highest load")
  func onAndOff() throws {
    var isOn = false
    let history = series(14 * 288) { _, generator in
      if Double.random(in: 0..<1, using: &generator) < 0.03 { isOn.toggle() }
      return isOn ? 900 + 10 * generator.noise() : 5
    }
    let highest = history.values.max() ?? 0
    let forecast = try forecast(history)
    #expect(forecast.quantiles[0.9]?.allSatisfy { $0 <= 1.25 * highest } == true)
  }

  @Test("follows a rhythm of five steps that slips against the clock")
  func rhythm() throws {
    var slips = 0
    let history = series(10 * 288 + 12) { step, generator in
      if Double.random(in: 0..<1, using: &generator) < 0.01 { slips += 1 }
      return ((step + slips) % 5 == 0 ? 300 : 100) + 3 * generator.noise()
    }
    let forecast = try AutoModel().forecast(history.slice(0..<10 * 288), steps: 12, quantiles: [])
    let peaks = forecast.values.count { $0 > 200 }
    let errors = zip(forecast.values, history.values.suffix(12)).map { abs($0 - $1) }
    // A forecast without the rhythm, 100 at each step, errs by 40 and has no peak.
    #expect(peaks >= 2 && errors.reduce(0, +) / 12 < 20, "\(forecast.values)")
  }

  @Test("a load that grows by more each day may exceed all that was measured")
  func growth() throws {
    let history = series(10 * 288) { step, generator in
      (1 + Double(step) / 2880) * (200 + 100 * sin(Double(step) / 288 * 2 * .pi)) + generator.noise()
    }
    // The day's peak is six hours after its first step, and today's will be the highest so far.
    let forecast = try forecast(history, steps: 80)
    #expect((forecast.values.max() ?? 0) > 0.98 * (history.values.max() ?? 0))
  }

  @Test("one long standstill counts as much as the rule that standstills last as long as they have lasted")
  func probability() throws {
    var still = Standstill()
    for _ in 0..<20 { still.absorb(5) }
    // The first sample is where it stopped.
    #expect(still.probability(ahead: 19) == 0.5)
    still.absorb(9)
    #expect(still.probability(ahead: 1) == nil)
    for _ in 0..<10 { still.absorb(9) }
    let expected = (1 + 10.0 / 15) / 2
    #expect(abs(try #require(still.probability(ahead: 5)) - expected) < 1e-12)
  }

  @Test("what has stood still four times as long is left to the model")
  func frequentStandstills() {
    var still = Standstill()
    for step in 0..<200 { still.absorb(step / 20 % 2 == 0 ? 1 : 7) }
    #expect(still.steps == 19 && still.probability(ahead: 1) == nil)
  }

  @Test("quantiles of a mixture are ordered, and its middle is where the load stands")
  func mixture() {
    var still = Standstill()
    for _ in 0..<30 { still.absorb(2) }
    func model(_ level: Double) -> Double { NormalDistribution.quantile(min(max(level, 0.001), 0.999)) }
    let mixture = Standstill.Mixture(still, probability: 0.6, of: model)
    let quantiles = (1...99).map { mixture.quantile(Double($0) / 100, of: model) }
    #expect(zip(quantiles, quantiles.dropFirst()).allSatisfy { $0 <= $1 })
    #expect(quantiles[49] == 2 && quantiles[0] < 0 && quantiles[98] >= 2)
  }
}
