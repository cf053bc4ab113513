import Foundation
import KedastralCore
import KedastralModels
import KedastralTesting
import Synchronization
import TestSupport
import Testing

@Suite("Cold start")
struct ColdStartTests {
  private static let begin = Date(timeIntervalSince1970: 1_769_860_800)
  private let clock = ManualClock(at: Self.begin)
  private let store = RecordingStore()
  private let log = Lines()

  /// A load that rises and falls daily.
  @Sendable private static func load(at instant: Date) -> Double {
    let quarter = Int(instant.timeIntervalSince1970) / 900
    return Double(700 - 11 * abs(quarter % 96 - 48) + quarter % 4 * 9 + quarter * 7919 % 23)
  }

  private final class Lines: KedastralLogHandler {
    private let lines = Mutex<[String]>([])
    var all: [String] { lines.withLock { $0 } }
    func isEnabled(_ level: KedastralLogLevel) -> Bool { true }
    func log(_ level: KedastralLogLevel, _ message: String, _ fields: KeyValuePairs<String, String>) {
      lines.withLock { $0.append("\(level) \(message) \(fields.map { "\($0)=\($1)" }.joined(separator: " "))") }
    }
  }

  /// A source whose requests of long histories wait until they are released.
  private final class GatedSource: MetricSource {
    let script: ScriptedSource
    private let isOpen: Atomic<Bool>

    init(_ script: ScriptedSource, isOpen: Bool = false) {
      self.script = script
      self.isOpen = Atomic(isOpen)
    }

    func open() { isOpen.store(true, ordering: .releasing) }

    func samples(in range: Range<Date>, step: Duration) async throws -> TimeSeries {
      let isLong = range.upperBound.timeIntervalSince(range.lowerBound) > 100 * step.inSeconds
      while isLong, !isOpen.load(ordering: .acquiring) { try await Task.sleep(for: .milliseconds(2)) }
      return try await script.samples(in: range, step: step)
    }
  }

  private func workload(
    _ name: String, _ source: any MetricSource, _ model: any Model = AutoModel()
  ) throws -> Workload {
    Workload(
      name: try WorkloadName(name), metric: "rps", source: source, model: model,
      policy: try StandardCapacityPolicy(targetPerPod: 100, maxReplicas: 50), step: .seconds(900),
      horizon: .seconds(7200), interval: .seconds(900), window: .seconds(6 * 86_400), quantileLevels: [0.5, 0.9],
      collectDeadline: .seconds(86_400), storeDeadline: .seconds(86_400))
  }

  private func forecaster(_ store: any ForecastStore, _ observer: (any ForecastObserver)? = nil) -> Forecaster {
    Forecaster(
      store: store, clock: clock, metrics: MetricsRegistry(), logger: KedastralLogger(log), observer: observer)
  }

  /// Lets time pass until a plan satisfies a condition.
  private func plan(
    of name: String, _ condition: @escaping @Sendable (Snapshot) -> Bool
  ) async throws -> Snapshot {
    let workload = try WorkloadName(name)
    try await eventually("the condition") {
      if let plan = try await store.get(workload), condition(plan) { return true }
      clock.advance(by: .seconds(60))
      return false
    }
    return try #require(try await store.get(workload))
  }

  @Test("the first plan needs the last hours alone, and says so; the history is read and fitted afterwards")
  func firstPlan() async throws {
    let source = GatedSource(ScriptedSource(Self.load))
    let health = WorkloadHealth()
    health.configure([try WorkloadName("api")])
    let forecaster = forecaster(store, health)
    await forecaster.start([try workload("api", source)])
    let first = try await plan(of: "api") { _ in true }
    #expect(first.isLearning)
    #expect(first.model == "auto")
    #expect(first.reason?.hasPrefix("first plan: a simple forecast from the last 15h") == true, "\(first.reason ?? "")")
    let asked = try #require(source.script.askedRanges.first)
    #expect(asked.upperBound.timeIntervalSince(asked.lowerBound) <= 61 * 900)
    #expect(
      WorkloadState(first, problem: nil, staleAfter: .seconds(7200), leadTime: .seconds(300), at: clock.now)
        == .learning)
    #expect(PlanExplanation(first, leadTime: .seconds(300), at: clock.now).text.contains("Details: first plan:"))
    try await eventually("the condition") { health.learningSummary?.hasPrefix("1 of 1 workload learning") == true }

    // Rounds continue while the history is being read.
    let later = try await plan(of: "api") { $0.generatedAt > first.generatedAt }
    #expect(later.isLearning)
    source.open()
    let learned = try await plan(of: "api") { !$0.isLearning }
    #expect(learned.reason?.hasPrefix("model mix") == true, "\(learned.reason ?? "")")
    try await eventually("the condition") { health.learningSummary == nil }
    await forecaster.stopAll()
  }

  @Test("all workloads have a first plan before the first long history is read")
  func firstPlansFirst() async throws {
    let first = ScriptedSource(Self.load)
    let late = ScriptedSource(Self.load)
    late.hang()
    let forecaster = forecaster(store)
    await forecaster.start([
      try workload("first", first), try workload("late", late),
    ])
    try await eventually("the condition") { try await store.get(try WorkloadName("first")) != nil }
    for _ in 0..<20 { await Task.yield() }
    #expect(first.askedRanges.count == 1)
    await forecaster.stop { $0.text == "first" }
    _ = try await plan(of: "first") { !$0.isLearning }
    await forecaster.stopAll()
  }

  @Test("a first plan writes no history, so that a restart does not resume from a short one")
  func nothingStored() async throws {
    let source = GatedSource(ScriptedSource(Self.load))
    let forecaster = forecaster(store)
    await forecaster.start([try workload("api", Identified(source: source))])
    var last = try await plan(of: "api") { _ in true }
    for _ in 0..<3 {
      let before = last.generatedAt
      last = try await plan(of: "api") { $0.generatedAt > before }
    }
    #expect(store.historyWritings.isEmpty)
    source.open()
    _ = try await plan(of: "api") { !$0.isLearning }
    try await eventually("the condition") {
      clock.advance(by: .seconds(60))
      return store.historyWritings.joined().contains("0/fit")
    }
    await forecaster.stopAll()

    // The next process has all that it needs: its first plan is not a simple one.
    let own = ScriptedSource(Self.load)
    let again = self.forecaster(store)
    let stopped = clock.now
    await again.start([try workload("api", Identified(source: GatedSource(own, isOpen: true)))])
    let resumed = try await plan(of: "api") { $0.generatedAt > stopped }
    #expect(!resumed.isLearning)
    #expect(own.askedRanges.allSatisfy { $0.upperBound.timeIntervalSince($0.lowerBound) < 100 * 900 })
    await again.stopAll()
  }

  @Test("a load without samples in the last hours is planned from the whole window")
  func oldSamples() async throws {
    let silentSince = Self.begin - .seconds(20 * 3600)
    let source = ScriptedSource { $0 > silentSince ? .nan : Self.load(at: $0) }
    let forecaster = forecaster(store)
    await forecaster.start([try workload("api", source)])
    let plan = try await plan(of: "api") { _ in true }
    #expect(!plan.isLearning)
    await forecaster.stopAll()
  }

  @Test("a long history that cannot be read is reported in the plan, and read again")
  func unreadable() async throws {
    let source = Refusing(script: ScriptedSource(Self.load), steps: 100)
    let forecaster = forecaster(store)
    await forecaster.start([try workload("api", source)])
    let failing = try await plan(of: "api") { $0.problem != nil }
    #expect(failing.isLearning)
    #expect(failing.problem?.contains("the history could not be read: too long") == true)
    #expect(log.all.count { $0.hasPrefix("warn the history could not be read") } == 1)
    source.script.fail(with: nil)
    source.allow()
    _ = try await plan(of: "api") { !$0.isLearning && $0.problem == nil }
    await forecaster.stopAll()
  }

  @Test("models without a simple forecast read the whole window at once")
  func otherModels() async throws {
    let source = ScriptedSource(Self.load)
    let forecaster = forecaster(store)
    await forecaster.start([try workload("api", source, SeasonalNaive())])
    let plan = try await plan(of: "api") { _ in true }
    #expect(!plan.isLearning)
    let asked = try #require(source.askedRanges.first)
    #expect(asked.upperBound.timeIntervalSince(asked.lowerBound) > 5 * 86_400)
    await forecaster.stopAll()
  }

  private struct Identified: IdentifiedSource {
    let source: GatedSource
    var loadIdentity: String { "load" }
    func samples(in range: Range<Date>, step: Duration) async throws -> TimeSeries {
      try await source.samples(in: range, step: step)
    }
  }

  /// A source that refuses long ranges.
  private final class Refusing: MetricSource {
    let script: ScriptedSource
    private let steps: Atomic<Int>

    init(script: ScriptedSource, steps: Int) {
      self.script = script
      self.steps = Atomic(steps)
    }

    func allow() { steps.store(.max, ordering: .releasing) }

    func samples(in range: Range<Date>, step: Duration) async throws -> TimeSeries {
      let count = range.upperBound.timeIntervalSince(range.lowerBound) / step.inSeconds
      if count > Double(steps.load(ordering: .acquiring)) { throw TestFailure("too long") }
      return try await script.samples(in: range, step: step)
    }
  }
}
