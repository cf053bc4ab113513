import Foundation
import KedastralModels
import TestSupport
import Testing

@testable import KedastralCore

@Suite("Seasonal baseline", .numeric)
struct SeasonalBaselineTests {
  let levels = [0.5, 0.9, 0.99]

  @Test("forecasts the hourly spike from four hours of minutes")
  func hourlySpike() throws {
    let history = SyntheticLoad.series(count: 4 * 60 + 45, SyntheticLoad.hourlySpike)
    let forecast = try SeasonalBaseline().forecast(history, steps: 30, quantiles: levels)
    for (index, value) in forecast.values.enumerated() {
      let isSpike = (history.count + index) % 60 < 5
      #expect(isSpike ? value > 450 : value < 150, "step \(index): \(value)")
    }
    #expect(forecast.start == history.end)
    #expect(forecast.reason?.contains("60 steps") == true)
  }

  @Test("follows the daily pattern and today's level")
  func level() throws {
    var history = SyntheticLoad.series(count: 4 * 1440 + 600, SyntheticLoad.day)
    for index in (4 * 1440 + 400)..<history.count { history.values[index] += 100 }
    let forecast = try SeasonalBaseline().forecast(history, steps: 60, quantiles: levels)
    let yesterday = (0..<60).map { history.values[history.count - 1440 + $0] }
    let lift = zip(forecast.values, yesterday).map { $0 - $1 }.reduce(0, +) / 60
    #expect((60...130).contains(lift))
  }

  /// Half-hours of a load that follows the clocks of Berlin, which go forward on 2026-03-29 and back on 2026-10-25.
  private func berlin(endingAt end: String, days: Int) throws -> (
    history: TimeSeries, ahead: [Double], zone: TimeZoneRules
  ) {
    let zone = try TimeZoneRules(named: "Europe/Berlin")
    func load(_ instant: Date) -> Double {
      let local = Int(instant.timeIntervalSince1970) + zone.offsetSeconds(at: instant)
      return (8 * 3600..<18 * 3600).contains((local % 86_400 + 86_400) % 86_400) ? 500 : 100
    }
    let end = try #require(Timestamp.parse(end))
    let start = end - .seconds(days * 86_400)
    var history = TimeSeries(start: start, step: .seconds(1800), values: Array(repeating: 0, count: days * 48 + 1))
    for index in history.values.indices { history.values[index] = load(history.instant(at: index)) }
    return (history, (1...48).map { load(end + .seconds(1800 * $0)) }, zone)
  }

  @Test(
    "a day of the local clock stays a day where daylight saving time begins and ends",
    arguments: ["2026-03-29T00:30:00Z", "2026-03-29T09:30:00Z", "2026-10-24T22:30:00Z", "2026-10-25T10:30:00Z"])
  func localDays(end: String) throws {
    let (history, ahead, zone) = try berlin(endingAt: end, days: 6)
    let offset: @Sendable (Date) -> Duration = { .seconds(zone.offsetSeconds(at: $0)) }
    for model: any Model in [SeasonalBaseline(), SeasonalNaive(), MultiSeason()] {
      func error(_ model: any Model) throws -> Double {
        let forecast = try model.forecast(history, steps: 48, quantiles: [0.9])
        #expect(forecast.start == history.end && forecast.defect == nil && forecast.values.count == 48)
        #expect(forecast.quantiles.paths.allSatisfy { $0.values.count == 48 })
        return zip(forecast.values, ahead).map { abs($0 - $1) }.reduce(0, +) / 48
      }
      let (local, utc) = (try error(LocalDays(model, utcOffset: offset)), try error(model))
      #expect(local < utc, "\(model.name)")
      #expect(model.name == "mstl" || local < 1, "\(model.name): \(local)")
    }
  }

  @Test("a single outlier yesterday is not repeated")
  func outlier() throws {
    var history = SyntheticLoad.series(count: 4 * 1440, SyntheticLoad.day)
    history.values[history.count - 1440 + 10] = 3500
    let forecast = try SeasonalBaseline().forecast(history, steps: 30, quantiles: [])
    #expect(forecast.values[10] < 150)
  }

  @Test("its 0.9 quantile covers about nine of ten later loads")
  func coverage() throws {
    let whole = SyntheticLoad.series(count: 6 * 1440, seed: 3, SyntheticLoad.day)
    var (below, all) = (0, 0)
    for origin in stride(from: 4 * 1440, to: whole.count - 60, by: 211) {
      var history = whole
      history.values.removeSubrange(origin...)
      let path = try #require(
        try SeasonalBaseline().forecast(history, steps: 60, quantiles: [0.9]).quantiles[0.9])
      below += (0..<60).count { whole.values[origin + $0] <= path[$0] }
      all += 60
    }
    #expect((0.85...0.95).contains(Double(below) / Double(all)))
  }

  @Test("a constant load stays constant, and so do zeros and their quantiles", arguments: [0.0, 42, 1e300])
  func constant(value: Double) throws {
    let history = SyntheticLoad.series(count: 500) { _, _ in value }
    let forecast = try SeasonalBaseline().forecast(history, steps: 20, quantiles: levels)
    #expect(forecast.defect == nil)
    #expect(forecast.values.allSatisfy { abs($0 - value) <= value * 1e-12 })
    #expect(forecast.quantiles[0.99]?.allSatisfy { abs($0 - value) <= value * 1e-12 } == true)
  }

  @Test("works from the first sample on", arguments: [1, 2, 20])
  func short(count: Int) throws {
    let history = SyntheticLoad.series(count: count, SyntheticLoad.day)
    let forecast = try SeasonalBaseline().forecast(history, steps: 60, quantiles: levels)
    #expect(forecast.defect == nil)
    #expect(forecast.values.count == 60)
    #expect(forecast.quantiles.paths.map(\.level) == levels)
  }

  @Test("reports a history without samples")
  func nothing() {
    let history = SyntheticLoad.series(count: 50) { _, _ in .nan }
    #expect(throws: ModelError.notEnoughHistory(needed: 1, present: 0)) {
      try SeasonalBaseline().forecast(history, steps: 5, quantiles: levels)
    }
  }

  @Test("any series gives a finite, non-negative forecast with ordered quantiles", arguments: 0..<25)
  func anySeries(seed: Int) throws {
    let history = SyntheticLoad.anything(seed: UInt64(seed))
    guard history.lastPresentIndex != nil else { return }
    let forecast = try SeasonalBaseline().forecast(history, steps: 37, quantiles: levels)
    #expect(forecast.defect == nil)
    for (lower, upper) in zip(forecast.quantiles.paths, forecast.quantiles.paths.dropFirst()) {
      #expect(zip(lower.values, upper.values).allSatisfy { $0 <= $1 })
    }
  }
}
