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

  @Test("goes on after a restart from its stored state")
  func restores() async throws {
    var session = AutoModel().makeSession()
    _ = try await session.forecast(history(3 * 1440), steps: 10, quantiles: [0.9])
    let state = try #require(session.state)
    #expect(state.count < 60_000)
    var restarted = AutoModel().makeSession()
    restarted.restore(state)
    let again = try await restarted.forecast(history(3 * 1440 + 5), steps: 10, quantiles: [0.9])
    let before = try await session.forecast(history(3 * 1440 + 5), steps: 10, quantiles: [0.9])
    for (left, right) in zip(again.values, before.values) { #expect(abs(left - right) < 1e-6) }
    #expect(again.reason == before.reason)
  }

  @Test("ignores a state that it cannot read", arguments: ["", "{}", "nonsense", #"{"version":9}"#])
  func ignoresStrangeState(text: String) async throws {
    var session = AutoModel().makeSession()
    session.restore(Data(text.utf8))
    #expect(try await session.forecast(history(3 * 1440), steps: 10, quantiles: []).defect == nil)
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

  @Test("steps back to the baseline while that errs less, and says so")
  func stepsBack() async throws {
    // What it learned is about noise around a level; then the load becomes a strict repetition with another rhythm.
    let learnedPart = 4 * 288
    let load = SyntheticLoad.series(count: 6 * 288, stepSeconds: 300) { step, generator in
      step < learnedPart ? 100 + 5 * generator.noise() : (step % 48 < 24 ? 900 : 20)
    }
    var session = AutoModel(refitInterval: .seconds(30 * 86_400)).makeSession()
    var reasons: [String] = []
    for count in stride(from: learnedPart, to: load.count, by: 12) {
      var history = load
      history.values.removeSubrange(count...)
      history.keepLast(learnedPart)
      reasons.append(try await session.forecast(history, steps: 12, quantiles: []).reason ?? "")
    }
    #expect(reasons.contains { $0.hasPrefix("baseline, because") })
  }
}
