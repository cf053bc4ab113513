import Foundation
import KedastralModels
import KedastralTesting
import TestSupport
import Testing

@testable import KedastralCore

@Suite("Fits that replace older ones")
struct RefitTests {
  private let clock = ManualClock(at: Date(timeIntervalSince1970: 1_769_860_800))
  private let store = RecordingStore()

  /// A load that rises and falls daily.
  @Sendable private static func load(at instant: Date) -> Double {
    let quarter = Int(instant.timeIntervalSince1970) / 900
    return Double(700 - 11 * abs(quarter % 96 - 48) + quarter % 4 * 9 + quarter * 7919 % 23)
  }

  private func workload(_ name: String, _ source: ScriptedSource) throws -> Workload {
    Workload(
      name: try WorkloadName(name), metric: "rps", source: IdentifiedScript(source), model: AutoModel(),
      policy: try StandardCapacityPolicy(targetPerPod: 100, maxReplicas: 50), step: .seconds(900),
      horizon: .seconds(7200), interval: .seconds(900), window: .seconds(6 * 86_400), quantileLevels: [0.5, 0.9],
      collectDeadline: .seconds(86_400), storeDeadline: .seconds(86_400))
  }

  /// Lets time pass until a plan that was made later satisfies a condition.
  private func plan(
    after instant: Date, _ condition: @escaping @Sendable (Snapshot) -> Bool = { _ in true }
  ) async throws -> Snapshot {
    let name = try WorkloadName("api")
    try await eventually("a plan") {
      if let plan = try await store.get(name), plan.generatedAt > instant, condition(plan) { return true }
      clock.advance(by: .seconds(60))
      return false
    }
    return try #require(try await store.get(name))
  }

  /// Runs a process until it has stored history and fit.
  private func runOnce() async throws {
    let forecaster = Forecaster(store: store, clock: clock)
    await forecaster.start([try workload("api", ScriptedSource(Self.load))])
    _ = try await plan(after: .distantPast) { !$0.isLearning }
    for _ in 0..<8 { _ = try await plan(after: clock.now) }
    #expect(store.historyWritings.joined().contains("0/fit"))
    await forecaster.stopAll()
  }

  @Test("a stored fit that is overdue serves the first rounds after a restart, and is replaced apart from them")
  func overdue() async throws {
    try await runOnce()
    clock.advance(by: .seconds(12 * 3600))
    let restart = clock.now
    let source = ScriptedSource(Self.load)
    let late = ScriptedSource(Self.load)
    late.hang()
    let forecaster = Forecaster(store: store, clock: clock)
    await forecaster.start([try workload("api", source), try workload("late", late)])
    let first = try await plan(after: restart)
    #expect(!first.isLearning)
    #expect(first.reason?.hasPrefix("model mix") == true, "\(first.reason ?? "")")
    let loop = try #require(await forecaster.loop(of: try WorkloadName("api")))
    let before = try #require(await loop.fittedAt)
    #expect(before < restart - .seconds(12 * 3600))
    let second = try await plan(after: first.generatedAt)
    #expect(!second.isLearning)
    #expect(await loop.fittedAt == before, "no turn begins before the other workload's first round has ended")

    await forecaster.stop { $0.text == "api" }
    try await eventually("a new fit") {
      clock.advance(by: .seconds(60))
      return await loop.fittedAt.map { $0 > restart } == true
    }
    let refitted = try await plan(after: clock.now)
    #expect(refitted.reason?.hasPrefix("model mix") == true, "\(refitted.reason ?? "")")
    #expect(source.askedRanges.allSatisfy { $0.upperBound.timeIntervalSince($0.lowerBound) < 100 * 900 })
    await forecaster.stopAll()
  }

  @Test("fits that are due while a loop runs are made apart from its rounds too, and are stored")
  func running() async throws {
    let forecaster = Forecaster(store: store, clock: clock)
    await forecaster.start([try workload("api", ScriptedSource(Self.load))])
    _ = try await plan(after: .distantPast) { !$0.isLearning }
    let loop = try #require(await forecaster.loop(of: try WorkloadName("api")))
    let before = try #require(await loop.fittedAt)
    try await eventually("two more fits") {
      clock.advance(by: .seconds(300))
      return store.historyWritings.count { $0.contains("0/fit") } >= 3
    }
    #expect(try #require(await loop.fittedAt) > before)
    await forecaster.stopAll()
  }

  @Test("after a long stop the first plan is one from the last hours, and the samples since the stop are read apart")
  func longStop() async throws {
    try await runOnce()
    clock.advance(by: .seconds(3 * 86_400))
    let restart = clock.now
    let source = ScriptedSource(Self.load)
    let forecaster = Forecaster(store: store, clock: clock)
    await forecaster.start([try workload("api", source)])
    let first = try await plan(after: restart)
    #expect(first.isLearning)
    let asked = try #require(source.askedRanges.first)
    #expect(asked.upperBound.timeIntervalSince(asked.lowerBound) <= 61 * 900)
    let learned = try await plan(after: restart) { !$0.isLearning }
    #expect(learned.reason?.hasPrefix("model mix") == true, "\(learned.reason ?? "")")
    let longest = source.askedRanges.map { $0.upperBound.timeIntervalSince($0.lowerBound) }.max() ?? 0
    #expect((3 * 86_400.0..<4 * 86_400.0).contains(longest), "the samples since the stop, not the whole window")
    let loop = try #require(await forecaster.loop(of: try WorkloadName("api")))
    // The newest samples are not settled, so the fit ends before them.
    #expect(try #require(await loop.fittedAt) > restart - .seconds(7200))
    await forecaster.stopAll()
  }
}

extension ForecastLoop {
  /// When the fit of the main metric was made.
  fileprivate var fittedAt: Date? { (feeds[0].session as? any FittedSession)?.fittedAt }
}
