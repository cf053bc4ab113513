import Foundation
import KedastralTesting
import TestSupport
import Testing

@testable import KedastralCore
@testable import KedastralModels

@Suite("Auto session", .numeric)
struct AutoSessionTests {
  static let whole = SyntheticLoad.series(count: 3 * 1440 + 200, SyntheticLoad.day)

  private func history(_ count: Int) -> TimeSeries {
    var history = Self.whole
    history.values.removeSubrange(count...)
    return history
  }

  @Test("updates between fits are nearly as accurate as a new fit")
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

  @Test("follows a sliding window")
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

  @Test("a restarted session reaches the same state from the same history")
  func restarts() async throws {
    var (session, restarted) = (AutoModel().makeSession(), AutoModel().makeSession())
    let before = try await session.forecast(history(3 * 1440 + 5), steps: 10, quantiles: [0.9])
    #expect(try await restarted.forecast(history(3 * 1440 + 5), steps: 10, quantiles: [0.9]) == before)
  }

  @Test("starts again when the history is a different one")
  func anotherHistory() async throws {
    var session = AutoModel().makeSession()
    _ = try await session.forecast(history(3 * 1440), steps: 10, quantiles: [])
    let other = SyntheticLoad.series(count: 2000, stepSeconds: 300) { step, generator in
      1e6 + 1000 * generator.noise()
    }
    let forecast = try await session.forecast(other, steps: 10, quantiles: [])
    #expect(forecast.values.allSatisfy { $0 > 9e5 })
  }

  @Test("bridges missing samples")
  func missing() async throws {
    var session = AutoModel().makeSession()
    _ = try await session.forecast(history(3 * 1440), steps: 10, quantiles: [])
    var silent = history(3 * 1440)
    silent.values += Array(repeating: Double.nan, count: 40)
    let forecast = try await session.forecast(silent, steps: 10, quantiles: [])
    #expect(forecast.defect == nil)
    #expect(forecast.start == silent.end)
  }

  /// The forecasts of a session that was fitted to the first four days only, one per hour, each with the measured load.
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

  /// A level that wanders, of which the day before tells nothing; then the strict repetition of a day without any pattern.
  private static let newRegime = SyntheticLoad.series(count: 8 * 288, stepSeconds: 300) { step, generator in
    step < learnedPart
      ? 460 + 400 * sin(Double(step) / 50) + 5 * generator.noise()
      : 20 + 880 * Double((step % 288) * (step % 288) % 289 % 7) / 6
  }

  @Test("after a regime change it soon matches repeating the last season, and reports it")
  func promise() async throws {
    let made = try await follow(Self.newRegime, from: Self.learnedPart)
    // As the fallback, or as the member that has all the weight.
    let repeating = made.filter { $0.forecast.members.contains { $0.name.contains("repeated") && $0.weight > 0.9 } }
    #expect(repeating.count > made.count / 2)
    for (forecast, _) in repeating where forecast.members.last?.weight == 1 {
      #expect(forecast.reason?.hasPrefix("the last season repeated, because") == true)
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

  @Test("switches once, not back and forth")
  func noFlapping() async throws {
    let fell = try await follow(Self.newRegime, from: Self.learnedPart).map { $0.forecast.members.last?.weight == 1 }
    #expect(zip(fell, fell.dropFirst()).count { $0 != $1 } <= 2)
    // Where both err alike, as in plain noise, what was learned stays.
    let noise = SyntheticLoad.series(count: 7 * 288, stepSeconds: 300) { _, generator in 100 + 20 * generator.noise() }
    let steady = try await follow(noise, from: Self.learnedPart)
    #expect(steady.allSatisfy { $0.forecast.members.last?.weight == 0 })
    #expect(steady.last?.forecast.mase.map { $0 < 1 } == true)
  }

  @Test("fits again soon after a failed fit")
  func learnsSooner() async throws {
    let made = try await follow(Self.newRegime, from: Self.learnedPart, refitInterval: .seconds(2 * 86_400))
    let last = made.suffix(12)
    let error = last.reduce(0) { sum, made in
      sum + zip(made.forecast.values, made.actual).reduce(0) { $0 + abs($1.0 - $1.1) } / 12
    }
    #expect(error / Double(last.count) < 88)  // a tenth of the load's swing
  }

  @Test("quantiles with too little coverage are widened until they have it")
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
    #expect(made.last?.forecast.reason?.contains("at or below the 0.9 quantile") == true)
  }
}

@Suite("State of an auto session", .numeric)
struct AutoSessionStateTests {
  /// A load with momentum, which a session sees a sample at a time for five hours.
  private static let whole = SyntheticLoad.series(count: 3 * 1440) { minute, generator in
    100 + 50 * sin(Double(minute) / 10 + sin(Double(minute) / 170)) + 2 * generator.noise()
  }
  private static let known = 2 * 1440 + 300

  private func history(_ count: Int) -> TimeSeries { Self.whole.slice(0..<count) }

  private static func trained() async throws -> any ModelSession {
    var session = AutoModel().makeSession()
    for count in known - 300...known {
      _ = try await session.forecast(whole.slice(0..<count), steps: 15, quantiles: [0.9])
    }
    return session
  }

  /// What a trained session stores; it is trained once for all tests.
  private static let state = Task { try await trained().state }

  /// How many damaged states each seed tries: a debug build is some twenty times slower.
  #if DEBUG
    private static let damagedStates = 2
  #else
    private static let damagedStates = 20
  #endif

  private func isCorrected(_ forecast: Forecast) -> Bool {
    forecast.reason?.contains("corrected by the latest samples") == true
  }

  @Test(
    "a stored state lets a restarted session correct the first steps at once")
  func goesOn() async throws {
    var session = try await Self.trained()
    let state = try #require(session.state)
    #expect(state.count < 10_000)
    var (restarted, fresh) = (AutoModel().makeSession(), AutoModel().makeSession())
    restarted.restore(state)
    var errors = (session: 0.0, restarted: 0.0)
    for count in Self.known + 2...Self.known + 60 {
      let went = try await session.forecast(history(count), steps: 15, quantiles: [0.9])
      let again = try await restarted.forecast(history(count), steps: 15, quantiles: [0.9])
      let anew = try await fresh.forecast(history(count), steps: 15, quantiles: [0.9])
      #expect(isCorrected(went) && isCorrected(again) && !isCorrected(anew))
      let load = Self.whole.values[count]
      errors.session += abs(went.values[0] - load)
      errors.restarted += abs(again.values[0] - load)
    }
    #expect(errors.restarted < 1.1 * errors.session)
  }

  @Test("a new session has no state")
  func empty() async throws {
    var session = AutoModel().makeSession()
    #expect(session.state == nil)
    _ = try await session.forecast(history(10), steps: 15, quantiles: [])
    #expect(session.state == nil)
  }

  @Test("the state of another load, step or model is ignored")
  func foreign() async throws {
    let state = try #require(try await Self.state.value)
    let load = history(Self.known + 1)
    let others = [
      TimeSeries(start: load.start, step: load.step, values: load.values.map { $0 * 3 }),
      TimeSeries(start: load.start, step: .seconds(300), values: load.values),
      TimeSeries(start: load.start + .seconds(86_400 * 30), step: load.step, values: load.values),
      load.slice(0..<Self.known - 60),
    ]
    for other in others {
      var (restored, fresh) = (AutoModel().makeSession(), AutoModel().makeSession())
      restored.restore(state)
      let forecast = try await restored.forecast(other, steps: 15, quantiles: [0.9])
      #expect(try await fresh.forecast(other, steps: 15, quantiles: [0.9]) == forecast)
    }
    var (restored, fresh) = (AutoModel().makeSession(), AutoModel().makeSession())
    for text in ["", "{}", "[1]", #"{"version":2}"#, "a state of someone else's"] { restored.restore(Data(text.utf8)) }
    let forecast = try await restored.forecast(load, steps: 15, quantiles: [0.9])
    #expect(try await fresh.forecast(load, steps: 15, quantiles: [0.9]) == forecast)
  }

  @Test("a damaged state never makes a forecast invalid", arguments: 0..<8)
  func damaged(seed: Int) async throws {
    let state = try #require(try await Self.state.value)
    var generator = SyntheticLoad.Generator(seed: UInt64(seed))
    for _ in 0..<Self.damagedStates {
      var damaged = state
      for _ in 0..<Int.random(in: 1...3, using: &generator) {
        let place = Int.random(in: 0..<damaged.count, using: &generator)
        damaged[place] =
          Bool.random(using: &generator) ? UInt8.random(in: 48...57, using: &generator) : damaged[place] ^ 1
      }
      if Bool.random(using: &generator) {
        damaged = damaged.prefix(Int.random(in: 0...damaged.count, using: &generator))
      }
      var session = AutoModel().makeSession()
      session.restore(damaged)
      for count in Self.known + 1...Self.known + 3 {
        #expect(try await session.forecast(history(count), steps: 15, quantiles: [0.5, 0.9]).defect == nil)
      }
    }
  }
}

@Suite("Sessions and provisional samples")
struct ProvisionalSampleTests {
  private let step = Duration.seconds(300)

  /// Four days of a daily wave with a little noise.
  private func load(_ count: Int) -> TimeSeries {
    var generator = SeededGenerator(seed: 5)
    let pattern = LoadPattern.sineWave(base: 100, peak: 900, period: .seconds(86_400))
    let start = Date(timeIntervalSince1970: 1_769_817_600)
    let values = (0..<count).map { index in
      pattern.load(at: start + step * index) * Double.random(in: 0.97...1.03, using: &generator)
    }
    return TimeSeries(start: start, step: step, values: values)
  }

  private func error(_ forecast: Forecast, _ other: Forecast) -> Double {
    zip(forecast.values, other.values).map { abs($0 - $1) / max($1, 1) }.max() ?? 0
  }

  @Test("no provisional sample leaves a trace once the final one has arrived")
  func unlearned() async throws {
    let whole = load(4 * 288 + 80)
    var (clean, disturbed) = (AutoModel().makeSession(), AutoModel().makeSession())
    var (expected, found): (Forecast?, Forecast?)
    for count in (4 * 288)..<(4 * 288 + 80) {
      let history = whole.first(count)
      var halved = history
      if count % 3 == 0 { halved.values[count - 1] /= 2 }
      let change = HistoryChange(unsettledCount: 3)
      expected = try await clean.forecast(history, change, steps: 24, quantiles: [0.9])
      found = try await disturbed.forecast(halved, change, steps: 24, quantiles: [0.9])
    }
    #expect(error(try #require(found), try #require(expected)) < 0.02)
  }

  @Test("after settled samples were rewritten, a session forecasts as a new one does")
  func rewritten() async throws {
    let whole = load(4 * 288)
    var wrong = whole
    for index in (4 * 288 - 60)..<(4 * 288) { wrong.values[index] *= 0.3 }
    var session = AutoModel().makeSession()
    _ = try await session.forecast(wrong, HistoryChange(unsettledCount: 3), steps: 24, quantiles: [0.9])
    let found = try await session.forecast(
      whole, HistoryChange(.rewritten, unsettledCount: 3), steps: 24, quantiles: [0.9])
    var fresh = AutoModel().makeSession()
    let expected = try await fresh.forecast(whole, HistoryChange(unsettledCount: 3), steps: 24, quantiles: [0.9])
    #expect(found.values == expected.values)
  }

  @Test("reading provisional samples leaves the tracker unchanged")
  func rewind() {
    let layout = LoadTracker.Layout(season: 24, shortSeason: 6, week: 168)
    var tracker = LoadTracker(layout: layout, outlierBound: 10, volatilityBound: 10)
    for index in 0..<1000 { tracker.absorb(Double(index % 24)) }
    tracker.forgetHistory()
    let before = tracker
    let seen = tracker.looking(beyond: [50, 60, 70], read: { $1 }, { ($0.count, $0.values.last) })
    #expect(seen.0 == 1003 && seen.1 == 70)
    #expect(tracker.count == before.count && tracker.standing == before.standing)
    var (after, straight) = (tracker, before)
    for value in [1.0, 2, 3] {
      after.absorb(value)
      straight.absorb(value)
    }
    #expect(after.standing == straight.standing && after.values.last == straight.values.last)
  }
}

extension TimeSeries {
  fileprivate func first(_ count: Int) -> TimeSeries {
    TimeSeries(start: start, step: step, values: Array(values.prefix(count)))
  }
}
