import Foundation
import KedastralCore
import Testing

@Suite("Auto session")
struct AutoSessionTests {
  static let whole = SyntheticLoad.series(count: 3 * 1440 + 200, SyntheticLoad.day)

  private func history(_ count: Int) -> TimeSeries {
    var history = Self.whole
    history.values.removeSubrange(count...)
    return history
  }

  @Test("follows the load between fits as a fit from scratch would")
  func follows() async throws {
    var session = AutoModel().makeSession()
    var followed: Forecast?
    for count in stride(from: 3 * 1440, through: 3 * 1440 + 60, by: 6) {
      followed = try await session.forecast(history(count), steps: 30, quantiles: [0.9])
    }
    let scratch = try AutoModel().forecast(history(3 * 1440 + 60), steps: 30, quantiles: [0.9])
    let forecast = try #require(followed)
    #expect(forecast.start == scratch.start)
    for (left, right) in zip(forecast.values, scratch.values) { #expect(abs(left - right) < 12) }
  }

  @Test("follows a window that slides")
  func slides() async throws {
    var session = AutoModel().makeSession()
    _ = try await session.forecast(history(3 * 1440), steps: 10, quantiles: [])
    var slid = history(3 * 1440 + 7)
    slid.keepLast(3 * 1440)
    let kept = try await session.forecast(history(3 * 1440 + 7), steps: 10, quantiles: [])
    var other = AutoModel().makeSession()
    _ = try await other.forecast(history(3 * 1440), steps: 10, quantiles: [])
    #expect(try await other.forecast(slid, steps: 10, quantiles: []).values == kept.values)
  }

  @Test("a restarted session learns the same from the same history")
  func restarts() async throws {
    var (session, restarted) = (AutoModel().makeSession(), AutoModel().makeSession())
    let before = try await session.forecast(history(3 * 1440 + 5), steps: 10, quantiles: [0.9])
    #expect(try await restarted.forecast(history(3 * 1440 + 5), steps: 10, quantiles: [0.9]) == before)
  }

  @Test("starts afresh when the history is another one")
  func anotherHistory() async throws {
    var session = AutoModel().makeSession()
    _ = try await session.forecast(history(3 * 1440), steps: 10, quantiles: [])
    let other = SyntheticLoad.series(count: 2000, stepSeconds: 300) { step, generator in
      1e6 + 1000 * generator.noise()
    }
    let forecast = try await session.forecast(other, steps: 10, quantiles: [])
    #expect(forecast.values.allSatisfy { $0 > 9e5 })
  }

  @Test("bridges samples that do not come")
  func missing() async throws {
    var session = AutoModel().makeSession()
    _ = try await session.forecast(history(3 * 1440), steps: 10, quantiles: [])
    var silent = history(3 * 1440)
    silent.values += Array(repeating: Double.nan, count: 40)
    let forecast = try await session.forecast(silent, steps: 10, quantiles: [])
    #expect(forecast.defect == nil)
    #expect(forecast.start == silent.end)
  }

  /// The forecasts of a session that learned from the first four days alone, one an hour, each with what came.
  private func follow(
    _ load: TimeSeries, from first: Int, refitInterval: Duration = .seconds(30 * 86_400)
  ) async throws -> [(forecast: Forecast, actual: [Double])] {
    var session = AutoModel(refitInterval: refitInterval).makeSession()
    var made: [(Forecast, [Double])] = []
    for count in stride(from: first, to: load.count - 12, by: 12) {
      var history = load
      history.values.removeSubrange(count...)
      history.keepLast(first)
      let forecast = try await session.forecast(history, steps: 12, quantiles: [0.5, 0.9])
      made.append((forecast, Array(load.values[count..<count + 12])))
    }
    return made
  }

  private static let learnedPart = 4 * 288

  /// Noise around a level, of which there is nothing to learn; then a strict repetition with another rhythm.
  private static let newRegime = SyntheticLoad.series(count: 8 * 288, stepSeconds: 300) { step, generator in
    step < learnedPart ? 100 + 5 * generator.noise() : (step % 48 < 24 ? 900 : 20)
  }

  @Test("is not worse than the last season repeated for long when the load begins another life, and says so")
  func promise() async throws {
    let made = try await follow(Self.newRegime, from: Self.learnedPart)
    let fallback = made.filter { $0.forecast.reason?.hasPrefix("the last season repeated, because") == true }
    #expect(!fallback.isEmpty)
    for (forecast, _) in fallback {
      #expect(forecast.members.last?.weight == 1)
      #expect(forecast.members.dropLast().allSatisfy { $0.weight == 0 && ($0.mase ?? 0) > 0 })
    }
    // From a day after the change on yesterday is right, and so is what is served.
    func error(_ forecasts: some Sequence<(forecast: Forecast, actual: [Double])>) -> Double {
      forecasts.reduce(0) { sum, made in
        sum + zip(made.forecast.values, made.actual).reduce(0) { $0 + abs($1.0 - $1.1) }
      }
    }
    #expect(error(made.suffix(36)) < 0.1 * error(made.prefix(24)))
  }

  @Test("changes its mind once, not to and fro")
  func noFlapping() async throws {
    let fell = try await follow(Self.newRegime, from: Self.learnedPart).map { $0.forecast.members.last?.weight == 1 }
    #expect(zip(fell, fell.dropFirst()).count { $0 != $1 } <= 2)
    // Where both err alike, as in plain noise, what was learned stays.
    let noise = SyntheticLoad.series(count: 7 * 288, stepSeconds: 300) { _, generator in 100 + 20 * generator.noise() }
    let steady = try await follow(noise, from: Self.learnedPart)
    #expect(steady.allSatisfy { $0.forecast.members.last?.weight == 0 })
    #expect(steady.last?.forecast.recentError.map { $0 < 1 } == true)
  }

  @Test("learns anew soon after what it learned failed")
  func learnsSooner() async throws {
    let made = try await follow(Self.newRegime, from: Self.learnedPart, refitInterval: .seconds(2 * 86_400))
    let last = made.suffix(12)
    let error = last.reduce(0) { sum, made in
      sum + zip(made.forecast.values, made.actual).reduce(0) { $0 + abs($1.0 - $1.1) } / 12
    }
    #expect(error / Double(last.count) < 88)  // a tenth of the load's swing
  }

  @Test("quantiles that do not hold any more are stretched until they do")
  func coverage() async throws {
    let load = SyntheticLoad.series(count: 10 * 288, stepSeconds: 300) { step, generator in
      300 + (step < Self.learnedPart ? 5 : 25) * generator.noise()
    }
    let made = try await follow(load, from: Self.learnedPart)
    func coverage(_ made: some Collection<(forecast: Forecast, actual: [Double])>) -> Double {
      let below = made.reduce(0) { sum, made in
        sum + zip(made.actual, made.forecast.quantiles[0.9] ?? []).count { $0 <= $1 }
      }
      return Double(below) / Double(made.count * 12)
    }
    #expect(coverage(made.suffix(48)) > coverage(made.prefix(12)) + 0.05)
    #expect(made.last?.forecast.reason?.contains("0.9 quantile held") == true)
  }
}
