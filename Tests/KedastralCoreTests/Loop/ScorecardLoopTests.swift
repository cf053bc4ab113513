import Foundation
import KedastralTesting
import Synchronization
import Testing

@testable import KedastralCore

@Suite("Scorecard of a loop")
struct ScorecardLoopTests {
  private static let begin = Date(timeIntervalSince1970: 1_769_860_800)
  private let clock = ManualClock(at: Self.begin)
  private let name: WorkloadName
  private let log = Lines()

  init() throws { name = try WorkloadName("api-app") }

  private final class Lines: KedastralLogHandler {
    private let lines = Mutex<[String]>([])
    var all: [String] { lines.withLock { $0 } }
    func isEnabled(_ level: KedastralLogLevel) -> Bool { true }
    func log(_ level: KedastralLogLevel, _ message: String, _ fields: KeyValuePairs<String, String>) {
      lines.withLock { $0.append("\(level) \(message)") }
    }
  }

  private struct Last: Model {
    let name = "last"
    func forecast(_ history: TimeSeries, steps: Int, quantiles: [Double]) throws -> Forecast {
      let values = Array(repeating: history.lastPresent ?? 0, count: steps)
      return Forecast(
        start: history.end, step: history.step, values: values,
        quantiles: Quantiles(quantiles.map { .init(level: $0, values: values) }), model: name)
    }
  }

  private func loop(
    _ store: any ForecastStore, _ board: Scorecards, metric: String = "rps", pods: ScriptedSource? = nil,
    metrics: MetricsRegistry = MetricsRegistry()
  ) throws -> ForecastLoop {
    let source = ScriptedSource { _ in 350 }
    let workload = Workload(
      name: name, metric: metric, source: source, model: Last(),
      policy: try StandardCapacityPolicy(targetPerPod: 100, quantileLevel: 0.9, maxReplicas: 50),
      step: .seconds(60), horizon: .seconds(1800), interval: .seconds(60), window: .seconds(86_400),
      quantileLevels: [0.9], isDryRun: true, realPods: pods)
    return ForecastLoop(
      workload, store: store, clock: clock, metrics: metrics, logger: KedastralLogger(log), scorecards: board)
  }

  private func run(_ loop: ForecastLoop, rounds: Int) async throws {
    for _ in 0..<rounds {
      clock.advance(by: .seconds(60))
      try await loop.tick()
    }
  }

  private func week(_ board: Scorecards) throws -> ScorecardReport.Window {
    try #require(board.report(of: name)?.window(days: 7))
  }

  @Test("each round brings the board and the metrics up to date, once loads are settled")
  func publishing() async throws {
    let (board, metrics) = (Scorecards(ScorecardSettings(price: 0.1)), MetricsRegistry())
    let loop = try loop(RecordingStore(), board, metrics: metrics)
    try await run(loop, rounds: 67)
    // A round plans 66 minutes; the newest five can still change.
    let week = try week(board)
    #expect(week.measuredMinutes == 61)
    #expect(week.plan.violationMinutes == 0)
    #expect(abs(week.plan.podHours - 4 * 61 / 60.0) < 1e-9)
    #expect(abs(week.hpa.podHours - 5 * 61 / 60.0) < 1e-9)
    #expect(week.forecastError == 0)
    #expect(board.report(of: name)?.isDryRun == true)
    #expect(metrics.gauge("kedastral_scorecard_measured_seconds", help: "").with("api-app").value == 3660)
    #expect(metrics.gauge("kedastral_scorecard_violation_seconds", help: "").with("api-app", "plan").value == 0)
    #expect(metrics.gauge("kedastral_scorecard_cost", help: "").with("api-app", "hpa").value > 0.5)
  }

  @Test("reads the ready pods once for each round, and counts the minutes in which they were too few")
  func realPods() async throws {
    let (board, metrics) = (Scorecards(), MetricsRegistry())
    let pods = ScriptedSource { _ in 3 }
    let loop = try loop(RecordingStore(), board, pods: pods, metrics: metrics)
    try await run(loop, rounds: 67)
    #expect(pods.askedRanges.count == 67)
    // The first request reaches back, the others are for the newest step.
    #expect(pods.askedRanges[0].upperBound.timeIntervalSince(pods.askedRanges[0].lowerBound) < 200 * 60)
    #expect(pods.askedRanges.dropFirst().allSatisfy { $0.upperBound.timeIntervalSince($0.lowerBound) < 60 })
    let week = try week(board)
    #expect(week.realMinutes == 61 && week.real?.violationMinutes == 61)
    #expect(try #require(await loop.realPods).pods.count(at: clock.now) == 3)
    #expect(metrics.gauge("kedastral_ready_pods", help: "").with("api-app").value == 3)
    #expect(
      metrics.gauge("kedastral_scorecard_violation_seconds", help: "").with("api-app", "real").value == 3660)
  }

  @Test("ready pods that cannot be read fail no round, are reported once, and are asked for once a minute at most")
  func unreadablePods() async throws {
    let (board, pods) = (Scorecards(), ScriptedSource { _ in 4 })
    let loop = try loop(RecordingStore(), board, pods: pods)
    try await run(loop, rounds: 20)
    pods.fail(with: TestFailure("503"))
    for _ in 0..<8 {
      clock.advance(by: .seconds(30))
      try await loop.tick()
    }
    #expect(pods.askedRanges.count == 24)
    #expect(log.all.count { $0.hasPrefix("warn the ready pods cannot be read") } == 1)
    let unread = try #require(await loop.realPods)
    #expect(unread.problem == "503")
    #expect(unread.pods.count(at: clock.now) == nil)
    pods.fail(with: nil)
    try await run(loop, rounds: 20)
    let read = try #require(await loop.realPods)
    #expect(read.problem == nil)
    #expect(read.pods.count(at: clock.now) == 4)
    #expect(log.all.contains("info the ready pods are read again"))
    #expect(try week(board).realMinutes == week(board).measuredMinutes)
  }

  @Test("a restarted loop, of the same or another process, continues the stored scorecard")
  func restart() async throws {
    let (store, board) = (RecordingStore(), Scorecards())
    try await run(try loop(store, board), rounds: 120)
    let before = try week(board).measuredMinutes
    let next = Scorecards()
    clock.advance(by: .seconds(1800))
    let restarted = try loop(store, next)
    try await run(restarted, rounds: 1)
    let resumed = try week(next).measuredMinutes
    // The state is stored every ten minutes.
    #expect(resumed >= before - 11 && resumed <= before)
    try await run(restarted, rounds: 20)
    #expect(try week(next).measuredMinutes == resumed + 15)
  }

  @Test("a damaged scorecard begins again with one line in the log, and the rest of the state stays")
  func damaged() async throws {
    let store = RecordingStore()
    try await run(try loop(store, Scorecards()), rounds: 60)
    let stored = try #require(try await store.state(of: name))
    var state = try #require(LoopState(stored))
    #expect(state.scorecard != nil)
    state.scorecard = Data("{}".utf8)
    try await store.putState(state.data, of: name)
    let board = Scorecards()
    try await run(try loop(store, board), rounds: 3)
    #expect(log.all.count { $0.contains("the stored scorecard is damaged") } == 1)
    #expect(!log.all.contains { $0.contains("the stored state is not valid") })
    #expect(try week(board).measuredMinutes == 0)
  }

  @Test("another metric begins a new scorecard")
  func otherMetric() async throws {
    let store = RecordingStore()
    try await run(try loop(store, Scorecards()), rounds: 60)
    let board = Scorecards()
    try await run(try loop(store, board, metric: "cpu"), rounds: 3)
    #expect(try week(board).measuredMinutes == 0)
  }

  @Test("a loop that ends takes its numbers from the board")
  func ending() async throws {
    let board = Scorecards()
    let loop = try loop(RecordingStore(), board)
    let task = Task { await loop.run() }
    while board.all.isEmpty { await Task.yield() }
    task.cancel()
    await task.value
    #expect(board.all.isEmpty)
  }
}
