import Foundation
import KedastralTesting
import Synchronization
import TestSupport
import Testing

@testable import KedastralCore
@testable import KedastralModels

@Suite("Auto model with covariates", .numeric)
struct CovariateModelTests {
  /// A load that follows an upstream service, what that service had, and a series that has nothing to do with either.
  private struct Made {
    let load: TimeSeries
    let upstream: TimeSeries
    let stranger: TimeSeries

    /// - Parameter lag: by how many steps the load follows.
    init(count: Int, step: Int, lag: Int) {
      var generator = SyntheticLoad.Generator(seed: 11)
      var (wander, other) = (0.0, 0.0)
      let path = (0..<count + lag).map { _ in
        wander = 0.97 * wander + 0.25 * generator.noise()
        return wander
      }
      let otherPath = (0..<count).map { _ in
        other = 0.97 * other + 0.25 * generator.noise()
        return other
      }
      func season(_ index: Int) -> Double { sin(Double(index * step) / 86_400 * 2 * .pi) }
      func series(_ value: (Int) -> Double) -> TimeSeries {
        TimeSeries(
          start: Date(timeIntervalSince1970: 1_790_000_100), step: .seconds(step), values: (0..<count).map(value))
      }
      load = series { 300 + 100 * season($0) + 60 * path[$0] + 2 * generator.noise() }
      upstream = series { 2000 + 500 * season($0 + lag) + 400 * path[$0 + lag] + 5 * generator.noise() }
      stranger = series { 50 + 20 * season($0) + 10 * otherPath[$0] }
    }

    /// Six days of quarters of hours; the load follows by half an hour.
    static let quarters = Made(count: 6 * 96, step: 900, lag: 2)
  }

  private func auto(_ covariates: Covariate...) -> any Model { AutoModel().using(covariates, of: "shop") }

  /// The mean absolute error of the first ten steps over many forecasts of one session, how many loads were at or below the 0.9
  /// quantile, and the last forecast.
  private func measured(
    _ model: any Model, _ load: TimeSeries, from first: Int
  ) async throws -> (error: Double, coverage: Double, last: Forecast) {
    var session = model.makeSession()
    var (sum, covered, count) = (0.0, 0, 0)
    var last: Forecast?
    for origin in stride(from: first, to: load.count - 10, by: 5) {
      let forecast = try await session.forecast(load.slice(0..<origin), steps: 30, quantiles: [0.9])
      #expect(forecast.defect == nil)
      for step in 0..<10 {
        sum += abs(forecast.values[step] - load.values[origin + step])
        if load.values[origin + step] <= forecast.quantiles[0.9]?[step] ?? 0 { covered += 1 }
        count += 1
      }
      last = forecast
    }
    return (sum / Double(count), Double(covered) / Double(count), try #require(last))
  }

  @Test(
    "finds that an upstream service leads by ten minutes, and forecasts these ten minutes with half the error or less")
  func leads() async throws {
    let made = Made(count: 66 * 60, step: 60, lag: 10)
    let plain = try await measured(AutoModel(), made.load, from: 62 * 60)
    let helped = try await measured(
      auto(
        Covariate(name: "weather", values: .recorded(made.stranger)),
        Covariate(name: "frontend", values: .recorded(made.upstream))), made.load, from: 62 * 60)
    #expect(helped.error < 0.5 * plain.error, "\(helped.error) of \(plain.error)")
    #expect((0.8...0.98).contains(helped.coverage), "\(helped.coverage)")
    #expect(helped.last.covariates.map(\.name) == ["weather", "frontend"])
    #expect(helped.last.covariates.map(\.isUsed) == [false, true])
    let use = try #require(helped.last.covariates.last)
    #expect(use.lagSeconds == 600 && use.problem == nil)
    #expect(try #require(use.errorReduction) > 0.2)
    #expect(helped.last.reason?.contains("frontend: the load follows it by 10 minutes, error ") == true)
    #expect(helped.last.reason?.contains("weather: not used, ") == true)
    let (expected, usual) = (try #require(helped.last.expectedError), try #require(plain.last.expectedError))
    #expect(expected < usual)
  }

  @Test("drops a series that does not help, says so, and forecasts as without it")
  func dropped() throws {
    let made = Made.quarters
    let constant = TimeSeries(start: made.load.start, step: made.load.step, values: made.load.values.map { _ in 7 })
    let model = auto(
      Covariate(name: "weather", values: .recorded(made.stranger)),
      Covariate(name: "pods", values: .recorded(constant)),
      Covariate(name: "young", values: .recorded(made.upstream.suffix(40))))
    let forecast = try model.forecast(made.load, steps: 8, quantiles: [0.5, 0.9])
    let plain = try AutoModel().forecast(made.load, steps: 8, quantiles: [0.5, 0.9])
    #expect(forecast.values == plain.values && forecast.quantiles == plain.quantiles)
    #expect(forecast.expectedError == plain.expectedError)
    #expect(forecast.covariates.allSatisfy { !$0.isUsed })
    #expect(
      forecast.covariates.map(\.problem).dropFirst() == ["it does not change", "its history is too short"])
    #expect(forecast.covariates[0].problem?.contains("error") == true)
    #expect(plain.covariates.isEmpty && plain.reason?.contains("covariate") == false)
  }

  private final class Lines: KedastralLogHandler {
    let lines = Mutex<[String]>([])
    func isEnabled(_ level: KedastralLogLevel) -> Bool { level != .debug }
    func log(_ level: KedastralLogLevel, _ message: String, _ fields: KeyValuePairs<String, String>) {
      lines.withLock { $0.append("\(level) \(message)") }
    }
  }

  @Test("forecasts as without a covariate while its source fails, with one log line, and uses it again afterwards")
  func failing() async throws {
    let made = Made.quarters
    let clock = ManualClock(at: made.load.end)
    let source = ScriptedSource { made.upstream.value(at: $0) ?? .nan }
    let lines = Lines()
    let model = AutoModel().using(
      [Covariate(name: "frontend", values: .measured(source))], of: "shop", clock: clock, logger: KedastralLogger(lines)
    )
    var (session, plain) = (model.makeSession(), AutoModel().makeSession())
    func both(_ count: Int) async throws -> (with: Forecast, without: Forecast) {
      let history = made.load.prefix(count)
      return (
        try await session.forecast(history, steps: 8, quantiles: [0.9]),
        try await plain.forecast(history, steps: 8, quantiles: [0.9])
      )
    }
    let first = try await both(540)
    #expect(first.with.covariates.map(\.isUsed) == [true] && first.with.values != first.without.values)
    source.fail(with: TestFailure("503 of the source"))
    // A few missing samples are bridged by the last one.
    let bridged = try await both(541)
    #expect(bridged.with.covariates.map(\.isUsed) == [true])
    clock.advance(by: .seconds(3600))
    let missing = try await both(548)
    #expect(missing.with.covariates.map(\.isUsed) == [false])
    #expect(missing.with.covariates[0].problem == "503 of the source")
    #expect(missing.with.reason?.contains("frontend: not used, 503 of the source") == true)
    #expect(missing.with.quantiles.paths.count == missing.without.quantiles.paths.count)
    // Only the correction of the first steps knows that other forecasts were made before.
    for (left, right) in zip(missing.with.values, missing.without.values) { #expect(abs(left - right) < 60) }
    let asked = source.askedRanges.count
    _ = try await both(549)
    #expect(source.askedRanges.count == asked, "it waits after a failure")
    source.fail(with: nil)
    clock.advance(by: .seconds(3600))
    let again = try await both(550)
    #expect(again.with.covariates.map(\.isUsed) == [true])
    #expect(
      lines.lines.withLock { $0 } == [
        "warn covariate not read; forecasts are made without it", "info covariate is read again",
      ])
    #expect(source.askedRanges.dropFirst().allSatisfy { $0.lowerBound > made.load.instant(at: 500) })
  }

  @Test(
    "a covariate that had no samples when the model was fitted is tried again within an hour or two when it has some")
  func late() async throws {
    let made = Made.quarters
    let clock = ManualClock(at: made.load.end)
    let source = ScriptedSource { _ in .nan }
    let model = AutoModel().using([Covariate(name: "frontend", values: .measured(source))], of: "shop", clock: clock)
    var session = model.makeSession()
    let first = try await session.forecast(made.load.prefix(550), steps: 8, quantiles: [])
    #expect(first.covariates.map(\.isUsed) == [false] && first.covariates[0].problem == "it has no samples")
    source.play { made.upstream.value(at: $0) ?? .nan }
    clock.advance(by: .seconds(60))
    let soon = try await session.forecast(made.load.prefix(551), steps: 8, quantiles: [])
    #expect(soon.covariates[0].problem == "it had no samples when the model was fitted")
    let later = try await session.forecast(made.load.prefix(556), steps: 8, quantiles: [])
    #expect(later.covariates.map(\.isUsed) == [true])
  }

  @Test("a restored fit forecasts with the same covariates; other covariates make it invalid")
  func stored() async throws {
    let made = Made.quarters
    let model = auto(Covariate(name: "frontend", values: .recorded(made.upstream)))
    var session = try #require(model.makeSession() as? any FittedSession)
    _ = try await session.forecast(made.load.prefix(560), steps: 8, quantiles: [0.9])
    let fit = try #require(session.fit)
    var restored = try #require(model.makeSession() as? any FittedSession)
    let isValid = restored.restore(fit: fit)
    #expect(isValid && restored.fittedAt == session.fittedAt)
    let expected = try await session.forecast(made.load.prefix(561), steps: 8, quantiles: [0.9])
    let forecast = try await restored.forecast(made.load.prefix(561), steps: 8, quantiles: [0.9])
    #expect(forecast.covariates.map(\.isUsed) == [true] && forecast.reason == expected.reason)
    for (left, right) in zip(forecast.values, expected.values) { #expect(abs(left - right) <= 2e-3 * right) }
    for other in [AutoModel(), auto(Covariate(name: "queue", values: .recorded(made.upstream)))] as [any Model] {
      var session = try #require(other.makeSession() as? any FittedSession)
      let isValid = session.restore(fit: fit)
      #expect(!isValid)
    }
    var plain = try #require(AutoModel().makeSession() as? any FittedSession)
    _ = try await plain.forecast(made.load.prefix(560), steps: 8, quantiles: [])
    let plainFit = try #require(plain.fit)
    #expect(fit.count - plainFit.count < 3 << 10, "\(fit.count) and \(plainFit.count) bytes")
    for count in [fit.count - 1, fit.count - 100, fit.count / 2] {
      let isCutValid = restored.restore(fit: Array(fit.prefix(count)))
      #expect(!isCutValid)
    }
  }

  @Test("forecasts a campaign of a schedule that it has seen twice, at every horizon")
  func campaign() throws {
    let days = 9
    let campaigns = [1, 4, 5, 8].map { $0 * 96 + [40, 60, 50, 44][$0 % 4] }
    func isOn(_ index: Int) -> Bool { campaigns.contains { ($0..<$0 + 12).contains(index) } }
    let load = SyntheticLoad.series(count: days * 96, stepSeconds: 900) { index, generator in
      let usual = 200 - 120 * cos(Double(index) / 96 * 2 * .pi)
      return usual + (isOn(index) ? 250 : 0) + 5 * generator.noise()
    }
    // A step's sample is that of its end.
    let changes = campaigns.flatMap { first in
      [(first, 1.0), (first + 12, 0.0)].map { index, value in
        CovariateSchedule.Change(at: (load.instant(at: index) - load.step).timeIntervalSince1970, value: value)
      }
    }
    let model = auto(Covariate(name: "campaigns", values: .planned(CovariateSchedule(changes))))
    let last = try #require(campaigns.last)
    let history = load.prefix(last - 8)
    let forecast = try model.forecast(history, steps: 24, quantiles: [0.9])
    let plain = try AutoModel().forecast(history, steps: 24, quantiles: [0.9])
    func error(_ forecast: Forecast) -> Double {
      (0..<24).reduce(0) { $0 + abs(forecast.values[$1] - load.values[history.count + $1]) } / 24
    }
    #expect(forecast.covariates.map(\.isUsed) == [true] && forecast.covariates[0].lagSeconds == 0)
    #expect(error(forecast) < 0.35 * error(plain), "\(error(forecast)) of \(error(plain))")
  }

  @Test("follows the local clock when daylight saving time begins")
  func daylightSaving() throws {
    let made = Made.quarters
    let change = made.load.instant(at: 300)
    let model = AutoModel(utcOffset: { $0 < change ? .seconds(3600) : .seconds(7200) })
      .using([Covariate(name: "frontend", values: .recorded(made.upstream))], of: "shop")
    let forecast = try model.forecast(made.load, steps: 8, quantiles: [0.9])
    #expect(forecast.defect == nil && forecast.covariates.map(\.isUsed) == [true])
    #expect(forecast.covariates[0].lagSeconds == 1800)
  }
}
