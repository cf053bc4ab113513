import Foundation
import KedastralCore
import KedastralModels
import KedastralTesting
import Synchronization
import Testing

@Suite("Forecast loop")
struct ForecastLoopTests {
  private let noon = Date(timeIntervalSince1970: 1_769_860_800)
  private let clock: ManualClock
  private let source = ScriptedSource { _ in 100 }
  private let store = RecordingStore()

  init() { clock = ManualClock(at: Date(timeIntervalSince1970: 1_769_860_800)) }

  /// Forecasts that the last load continues.
  private struct LastValue: Model {
    let name = "last-value"
    func forecast(_ history: TimeSeries, steps: Int, quantiles: [Double]) throws -> Forecast {
      guard let last = history.lastPresentIndex else { throw ModelError.notEnoughHistory(needed: 1, present: 0) }
      let values = Array(repeating: history.values[last], count: steps)
      return Forecast(start: history.end, step: history.step, values: values, model: name)
    }
  }

  private func workload(
    _ name: String = "api-app", model: any Model = LastValue(), source: (any MetricSource)? = nil,
    maxReplicas: Int = 100,
    upMaxFactor: Double = 2
  ) throws -> Workload {
    Workload(
      name: try WorkloadName(name), metric: "rps", source: source ?? self.source, model: model,
      policy: try StandardCapacityPolicy(
        targetPerPod: 10, headroom: 1, maxReplicas: maxReplicas, upMaxFactor: upMaxFactor, downMaxPercent: 50),
      horizon: .seconds(600), window: .seconds(3600))
  }

  @Test("a round collects the window, forecasts the horizon, plans and stores")
  func oneRound() async throws {
    let loop = ForecastLoop(try workload(), store: store, clock: clock)
    let snapshot = try await loop.tick()
    #expect(snapshot.values == Array(repeating: 100, count: 10))
    #expect(snapshot.desiredReplicas == Array(repeating: 10, count: 10))
    #expect(snapshot.generatedAt == noon)
    #expect(snapshot.horizon == .seconds(600))
    #expect(snapshot.currentValue == 100)
    #expect(snapshot.targetPerPod == 10)
    #expect(store.puts == [snapshot])
    #expect(await loop.history?.count == 60)
  }

  @Test("later rounds read only the samples that can still change, in one request per round")
  func incremental() async throws {
    let loop = ForecastLoop(try workload(), store: store, clock: clock)
    try await loop.tick()
    clock.advance(by: .seconds(120))
    try await loop.tick()
    #expect(source.askedRanges.count == 2)
    #expect(source.askedRanges[1].lowerBound == noon - .seconds(240), "all that was not settled at noon")
    #expect(await loop.history?.count == 60)
    #expect(await loop.history?.end == noon + .seconds(120))
  }

  @Test("requests a missing sample again")
  func lateSample() async throws {
    source.play { [noon] instant in instant == noon ? .nan : 100 }
    let loop = ForecastLoop(try workload(), store: store, clock: clock)
    try await loop.tick()
    source.play { _ in 250 }
    clock.advance(by: .seconds(60))
    try await loop.tick()
    #expect(source.askedRanges[1].contains(noon))
    #expect(await loop.history?.values.suffix(2) == [250, 250])
  }

  @Test("the plan starts from the previous plan, with one change limit per step, however often it is computed")
  func limitsPerStep() async throws {
    source.play { _ in 20 }
    let loop = ForecastLoop(try workload(), store: store, clock: clock)
    #expect(try await loop.tick().desiredReplicas[0] == 2)
    source.play { _ in 1000 }
    clock.advance(by: .seconds(60))
    #expect(try await loop.tick().desiredReplicas.prefix(4) == [4, 8, 16, 32])
    // A later round on the same samples shows the same plan, moved by half a step: each step the larger of two.
    clock.advance(by: .seconds(30))
    #expect(try await loop.tick().desiredReplicas.prefix(4) == [8, 16, 32, 64])
    clock.advance(by: .seconds(30))
    #expect(try await loop.tick().desiredReplicas.prefix(3) == [8, 16, 32], "as the first of these plans said for now")
  }

  @Test("a restarted forecaster resumes from the stored plan, not from the minimum or without limits")
  func restart() async throws {
    source.play { _ in 400 }
    _ = try await ForecastLoop(try workload(), store: store, clock: clock).tick()
    clock.advance(by: .seconds(120))
    source.play { _ in 10 }
    let restarted = ForecastLoop(try workload(), store: store, clock: clock)
    #expect(try await restarted.tick().desiredReplicas.prefix(3) == [20, 10, 5])
  }

  /// Counts its forecasts, over restarts too.
  private struct Counting: Model {
    let name: String
    func forecast(_ history: TimeSeries, steps: Int, quantiles: [Double]) throws -> Forecast {
      throw ModelError.invalidSetting(model: name, setting: "session", problem: "is needed")
    }
    func makeSession() -> any ModelSession { Session(name: name) }

    struct Session: ModelSession {
      let name: String
      var count = 0
      mutating func forecast(_ history: TimeSeries, steps: Int, quantiles: [Double]) throws -> Forecast {
        count += 1
        let values = Array(repeating: 75.0, count: steps)
        return Forecast(start: history.end, step: history.step, values: values, model: name, reason: "number \(count)")
      }
      var state: Data? { Data("\(count)".utf8) }
      mutating func restore(_ state: Data) { count = Int(String(decoding: state, as: UTF8.self)) ?? 0 }
    }
  }

  /// Goes through an hour of rounds and says what the last snapshot tells.
  private func hour(_ loop: ForecastLoop) async throws -> Snapshot? {
    for _ in 0..<60 {
      clock.advance(by: .seconds(60))
      try await loop.tick()
    }
    return await loop.latest
  }

  /// Which forecast of its session a snapshot is of.
  private func number(_ snapshot: Snapshot?) -> Int {
    let words = snapshot?.reason?.split { $0 == " " || $0 == ";" } ?? []
    return words.count > 1 ? Int(words[1]) ?? -1 : -1
  }

  @Test("the session state is stored every ten minutes, and a restarted loop resumes from it, including known errors")
  func restartWithState() async throws {
    let model = Counting(name: "counting")
    let last = try await hour(ForecastLoop(try workload(model: model), store: store, clock: clock))
    #expect(number(last) == 60 && last?.accuracy?.relativeError == 0.25)
    clock.advance(by: .seconds(60))
    let restarted = try await ForecastLoop(try workload(model: model), store: store, clock: clock).tick()
    #expect((51...61).contains(number(restarted)), "no more than ten minutes are lost")
    #expect(restarted.accuracy?.relativeError == 0.25)
  }

  @Test("another model ignores the state, old errors are not reported again, and an invalid state is ignored")
  func uselessState() async throws {
    _ = try await hour(ForecastLoop(try workload(model: Counting(name: "counting")), store: store, clock: clock))
    func restarted(_ model: String = "counting") async throws -> Snapshot {
      try await ForecastLoop(try workload(model: Counting(name: model)), store: store, clock: clock).tick()
    }
    let other = try await restarted("other")
    #expect(number(other) == 1 && other.accuracy?.relativeError == nil)
    clock.advance(by: .seconds(2 * 3600))
    let late = try await restarted()
    #expect(number(late) > 50 && late.accuracy?.relativeError == nil)
    for text in ["", "{}", #"{"version":1}"#, "\u{0}"] {
      try await store.putState(Data(text.utf8), of: try WorkloadName("api-app"))
      clock.advance(by: .seconds(60))
      #expect(number(try await restarted()) == 1)
    }
  }

  @Test("requests the previous plan again when the store was unavailable at the start")
  func restartWhileStoreIsAway() async throws {
    source.play { _ in 400 }
    _ = try await ForecastLoop(try workload(), store: store, clock: clock).tick()
    store.fail(with: TestFailure("connection refused"))
    let restarted = ForecastLoop(try workload(), store: store, clock: clock)
    let failure = await #expect(throws: ForecastFailure.self) { try await restarted.tick() }
    #expect(failure?.description == "api-app: store: connection refused")
    store.fail(with: nil)
    clock.advance(by: .seconds(60))
    source.play { _ in 10 }
    #expect(try await restarted.tick().capacityState?.replicas == 40)
  }

  /// Returns scripted plans.
  private struct Scripted: CapacityPolicy {
    var targetPerPod = 10.0
    let steps: @Sendable (Int) -> [CapacityPlan.Step]

    func plan(_ forecast: Forecast, from state: CapacityState) -> CapacityPlan {
      CapacityPlan(steps: steps(forecast.values.count))
    }
  }

  @Test(
    "a plan that cannot be used fails its round at stage plan, and the previous plan stays",
    arguments: [
      ("is empty", [Int]()), ("has 3 steps; expected 11", [1, 1, 1]),
      ("are -1 at step 0", Array(repeating: -1, count: 11)),
      ("are 9223372036854775807", Array(repeating: .max, count: 11)),
    ])
  func invalidPlan(problem: String, replicas: [Int]) async throws {
    let good = ForecastLoop(try workload(), store: store, clock: clock)
    let before = try await good.tick()
    var broken = try workload()
    broken.policy = Scripted { _ in replicas.map { CapacityPlan.Step(load: 1, need: 1, replicas: $0) } }
    let loop = ForecastLoop(broken, store: store, clock: clock)
    let failure = await #expect(throws: ForecastFailure.self) { try await loop.tick() }
    #expect(failure?.stage == .plan)
    #expect(failure?.problem.hasPrefix("policy Scripted: the plan") == true, "\(failure?.problem ?? "")")
    #expect(failure?.problem.contains(problem) == true, "\(failure?.problem ?? "")")
    #expect(try await store.get(before.workload) == before)
    #expect(await loop.latest == before, "the loop resumes from the stored plan")
  }

  @Test("an infinite load, or a policy with pods of no capacity, also fails at stage plan")
  func invalidLoad() async throws {
    for (target, load, problem) in [
      (10, Double.nan, "load is nan"), (0, 1, "targetPerPod is 0.0"), (.nan, 1, "is nan"),
    ] {
      var broken = try workload()
      broken.policy = Scripted(targetPerPod: target) { count in
        Array(repeating: CapacityPlan.Step(load: load, need: 1, replicas: 1), count: count)
      }
      let failure = await #expect(throws: ForecastFailure.self) {
        try await ForecastLoop(broken, store: store, clock: clock).tick()
      }
      #expect(failure?.stage == .plan && failure?.problem.contains(problem) == true, "\(failure?.problem ?? "")")
    }
    #expect(store.puts.isEmpty)
  }

  @Test("an old snapshot never replaces a newer one of another process")
  func superseded() async throws {
    let newer = try Snapshot(
      workload: try WorkloadName("api-app"), metric: "rps", generatedAt: noon + .seconds(5), step: .seconds(60),
      horizon: .seconds(60), values: [1], desiredReplicas: [9])
    let store = RecordingStore(holding: [newer])
    let loop = ForecastLoop(try workload(), store: store, clock: clock)
    let older = try await loop.tick()
    #expect(try await store.get(newer.workload) == newer)
    #expect(await loop.record(of: newer) == nil)
    #expect(await loop.record(of: older)?.snapshot == older)
  }

  /// A store that has a plan a second before it says so, as one behind a network.
  private struct StoreAway: ForecastStore {
    let kept = RecordingStore()
    let clock: ManualClock

    func put(_ snapshot: Snapshot) async throws -> PutOutcome {
      let outcome = try await kept.put(snapshot)
      try await clock.sleep(for: .seconds(1))
      return outcome
    }
    func get(_ workload: WorkloadName) async throws -> Snapshot? { try await kept.get(workload) }
    func list() async throws -> [WorkloadName] { try await kept.list() }
    func remove(_ workload: WorkloadName) async throws { try await kept.remove(workload) }
    func updates() -> AsyncStream<StoreUpdate> { kept.updates() }
  }

  @Test("the record of a plan is available as soon as the store has it")
  func recordWhileStoring() async throws {
    let store = StoreAway(clock: clock)
    let loop = ForecastLoop(try workload(), store: store, clock: clock)
    let round = Task { try await loop.tick() }
    // The store and the deadline on it.
    while store.kept.puts.isEmpty || clock.sleeperCount < 2 { await Task.yield() }
    let plan = try #require(store.kept.puts.last)
    #expect(await loop.record(of: plan)?.snapshot == plan)
    #expect(await loop.record == nil, "it is not in force yet")
    clock.advance(by: .seconds(1))
    #expect(try await round.value == plan)
    #expect(await loop.record(of: plan)?.snapshot == plan)
  }

  @Test("a failing source is reported with its stage, and the next round tries again")
  func failingSource() async throws {
    source.fail(with: TestFailure("prometheus http://p:9090 answered 503"))
    let registry = MetricsRegistry()
    let loop = ForecastLoop(try workload(), store: store, clock: clock, metrics: registry)
    let failure = await #expect(throws: ForecastFailure.self) { try await loop.tick() }
    #expect(failure?.stage == .collect)
    #expect(failure?.problem == "prometheus http://p:9090 answered 503")
    let errors = registry.counter("kedastral_errors_total", help: "", labels: ["workload", "stage"])
    #expect(errors.with("api-app", "collect").value == 1)
    source.fail(with: nil)
    try await loop.tick()
    #expect(store.puts.count == 1)
  }

  @Test("a plan's series end with its horizon while rounds fail, and return with the next plan")
  func endedPlan() async throws {
    let registry = MetricsRegistry()
    let workload = try workload()
    let loop = ForecastLoop(workload, store: store, clock: clock, metrics: registry)
    func exported() -> Set<String> {
      Set(registry.all.filter { !$0.labelNames.isEmpty && !$0.all.isEmpty }.map(\.name)).filter {
        // These say something of the last weeks.
        !$0.hasPrefix("kedastral_scorecard_")
      }
    }
    try await loop.tick()
    let ofPlans: Set = ["kedastral_desired_replicas", "kedastral_predicted_value"]
    #expect(exported().isSuperset(of: ofPlans))
    store.fail(with: TestFailure("connection refused"))
    clock.advance(by: workload.horizon)
    await #expect(throws: ForecastFailure.self) { try await loop.tick() }
    #expect(exported().isSuperset(of: ofPlans), "the plan still says something of now")
    clock.advance(by: .seconds(1))
    await #expect(throws: ForecastFailure.self) { try await loop.tick() }
    // The scorecard is about the last days, not about the plan.
    #expect(exported().filter { !$0.hasPrefix("kedastral_scorecard") } == ["kedastral_errors_total"])
    store.fail(with: nil)
    try await loop.tick()
    #expect(exported().isSuperset(of: ofPlans))
  }

  @Test("a source that does not respond times out at its deadline")
  func slowSource() async throws {
    source.hang()
    let loop = ForecastLoop(try workload(), store: store, clock: clock)
    let round = Task { try await loop.tick() }
    await clock.waitForSleepers(1)
    clock.advance(by: .seconds(15))
    let failure = await #expect(throws: ForecastFailure.self) { try await round.value }
    #expect(failure?.problem == "no response within 15s")
  }

  @Test("reports an error when a source has no samples")
  func emptySource() async throws {
    source.play { _ in .nan }
    let loop = ForecastLoop(try workload(), store: store, clock: clock)
    let failure = await #expect(throws: ForecastFailure.self) { try await loop.tick() }
    #expect(failure?.problem == "the source has no sample in the last 1h")
  }

  @Test("a gap of half the window is bridged, and a longer one is an error")
  func longGap() async throws {
    source.play { [noon] instant in instant > noon - .seconds(1800) ? .nan : 100 }
    let loop = ForecastLoop(try workload(), store: store, clock: clock)
    let snapshot = try await loop.tick()
    #expect(snapshot.accuracy?.repairedShare == 0.5)
    clock.advance(by: .seconds(60))
    let failure = await #expect(throws: ForecastFailure.self) { try await loop.tick() }
    #expect(failure?.problem == "the source has no sample in the last 31m")
  }

  @Test("reports an invalid forecast, and stores nothing")
  func badModel() async throws {
    struct Nonsense: Model {
      let name = "nonsense"
      func forecast(_ history: TimeSeries, steps: Int, quantiles: [Double]) throws -> Forecast {
        Forecast(start: history.end, step: history.step, values: [.nan], model: name)
      }
    }
    let loop = ForecastLoop(try workload(model: Nonsense()), store: store, clock: clock)
    let failure = await #expect(throws: ForecastFailure.self) { try await loop.tick() }
    #expect(failure?.stage == .forecast)
    #expect(failure?.problem == "model 'nonsense' forecast nan at step 0; values must be finite and not negative")
    #expect(store.puts.isEmpty)
  }

  @Test("between two grid instants, loads are interpolated, and replicas are the larger of both")
  func publicationBetweenInstants() async throws {
    struct Ramp: Model {
      let name = "ramp"
      func forecast(_ history: TimeSeries, steps: Int, quantiles: [Double]) throws -> Forecast {
        let values = (0..<steps).map { Double($0) * 40 }
        let paths = quantiles.map { Quantiles.Path(level: $0, values: values) }
        return Forecast(
          start: history.end, step: history.step, values: values, quantiles: Quantiles(paths), model: name)
      }
    }
    clock.advance(by: .seconds(15))
    let loop = ForecastLoop(try workload(model: Ramp(), upMaxFactor: 100), store: store, clock: clock)
    let snapshot = try await loop.tick()
    #expect(snapshot.values.prefix(3) == [10, 50, 90])
    #expect(snapshot.plannedLoad.prefix(3) == [40, 80, 120])
    #expect(snapshot.desiredReplicas.prefix(3) == [4, 8, 12])
    #expect(snapshot.quantiles[0.9]?.prefix(2) == [10, 50])
    #expect(snapshot.values.count == 10)
  }

  @Test("rounds follow the interval, and failed rounds are retried after an increasing, bounded wait")
  func schedule() async throws {
    let loop = ForecastLoop(try workload(), store: store, clock: clock)
    let running = Task { await loop.run() }
    for round in 1...3 {
      await clock.waitForOnlySleeper(until: noon + .seconds(30 * round))
      #expect(store.puts.count == round)
      clock.advance(by: .seconds(30))
    }
    await clock.waitForOnlySleeper(until: noon + .seconds(120))
    source.fail(with: TestFailure("down"))
    let asked = source.askedRanges.count
    // In the next ten minutes: waits of about half a minute at most, whatever the pace of this test.
    for _ in 0..<600 {
      clock.advance(by: .seconds(1))
      await clock.waitForSleepers(1)
    }
    let attempts = source.askedRanges.count - asked
    #expect((10...40).contains(attempts), "\(attempts) attempts")
    running.cancel()
    await running.value
  }

  @Test("a clock that jumps an hour, in either direction, costs at most one round", arguments: [3600, -3600])
  func clockJumps(seconds: Int) async throws {
    let store = RecordingStore(clock: clock)
    // A source knows nothing of what is to come by the right clock, whatever the loop's clock says.
    let right = ManualClock(at: noon)
    source.play { [right] instant in instant <= right.now ? instant.timeIntervalSince1970 / 1e6 : .nan }
    let loop = ForecastLoop(try workload(), store: store, clock: clock)
    let before = try await loop.tick()
    clock.advance(by: .seconds(seconds))
    _ = try? await loop.tick()
    clock.advance(by: .seconds(60 - seconds))
    right.advance(by: .seconds(60))
    let after = try await loop.tick()
    #expect(after.generatedAt == before.generatedAt + .seconds(60))
    #expect(after.currentValue == clock.now.timeIntervalSince1970 / 1e6)
    #expect(try await store.get(loop.workload.name) == after)
    #expect(await loop.history?.end == clock.now)
  }

  @Test("rounds continue at their interval when the clock is set back")
  func scheduleAfterJump() async throws {
    let isSetBack = Mutex(false)
    source.play { [clock, noon] _ in
      let isDue = isSetBack.withLock { isSetBack in
        defer { isSetBack = clock.now > noon }
        return clock.now > noon && !isSetBack
      }
      if isDue { clock.advance(by: .seconds(-3600)) }
      return 100
    }
    let loop = ForecastLoop(try workload(), store: store, clock: clock)
    let running = Task { await loop.run() }
    await clock.waitForOnlySleeper(until: noon + .seconds(30))
    clock.advance(by: .seconds(60))
    await clock.waitForOnlySleeper(until: noon + .seconds(90 - 3600))
    running.cancel()
    await running.value
  }

  @Test("a second workload's hanging source never delays the first")
  func isolation() async throws {
    let hanging = ScriptedSource { _ in 0 }
    hanging.hang()
    let forecaster = Forecaster(store: store, clock: clock)
    let workloads = [try workload("stuck", source: hanging), try workload("fine")]
    let running = Task { await forecaster.run(workloads) }
    // Ten minutes in single seconds: many rounds of the one, and many deadlines of the other.
    for _ in 0..<600 {
      await clock.waitForSleepers(2)
      clock.advance(by: .seconds(1))
    }
    #expect(store.puts.count > 10)
    #expect(store.puts.allSatisfy { $0.workload.text == "fine" })
    running.cancel()
    await running.value
  }
}

@Suite("Back-off")
struct BackoffTests {
  private let backoff = Backoff(initial: .seconds(1), maximum: .seconds(30))

  @Test("waits double up to the maximum")
  func doubles() {
    let waits = (1...8).map { backoff.delay(afterFailures: $0, random: 0.5).inSeconds }
    #expect(waits == [1, 2, 4, 8, 16, 30, 30, 30])
    #expect(backoff.delay(afterFailures: 1_000_000, random: 0.5) == .seconds(30))
  }

  @Test("jitter varies them by up to a fifth")
  func jitter() {
    for _ in 0..<1000 {
      let wait = backoff.delay(afterFailures: 3).inSeconds
      #expect(wait >= 3.2 && wait <= 4.8)
    }
  }
}

@Suite("Workloads of several metrics")
struct SeveralMetricsTests {
  private let noon = Date(timeIntervalSince1970: 1_769_860_800)

  private func workload(_ requests: ScriptedSource, _ queue: ScriptedSource) throws -> Workload {
    func policy(_ target: Double) throws -> StandardCapacityPolicy {
      try StandardCapacityPolicy(targetPerPod: target, headroom: 1, upMaxFactor: 100, downMaxPercent: 100)
    }
    return Workload(
      name: try WorkloadName("api"), metric: "rps", source: requests, model: SeasonalBaseline(), policy: try policy(10),
      otherMetrics: [
        LoadMetric(name: "queue", source: queue, model: SeasonalBaseline(), policy: try policy(2))
      ], horizon: .seconds(600), window: .seconds(3600), activationThreshold: 5)
  }

  @Test("plans the largest requirement in the first metric's unit, and records the deciding metric")
  func largest() async throws {
    let (requests, queue, clock) = (ScriptedSource { _ in 100 }, ScriptedSource { _ in 50 }, ManualClock(at: noon))
    let store = RecordingStore()
    let loop = ForecastLoop(try workload(requests, queue), store: store, clock: clock)
    let snapshot = try await loop.tick()
    #expect(snapshot.desiredReplicas == Array(repeating: 25, count: 10))
    #expect(snapshot.values == Array(repeating: 100, count: 10))
    #expect(snapshot.plannedLoad == Array(repeating: 250, count: 10))
    #expect(snapshot.metric == "rps" && snapshot.currentValue == 100 && snapshot.activationThreshold == 5)
    #expect(await loop.record?.steps.map(\.metric) == Array(repeating: 1, count: 10))
    requests.play { _ in 900 }
    let other = ForecastLoop(try workload(requests, queue), store: RecordingStore(), clock: clock)
    #expect(try await other.tick().desiredReplicas == Array(repeating: 90, count: 10))
    #expect(await other.record?.steps.first?.metric == 0)
    #expect(try Snapshot(json: snapshot.json()) == snapshot)
  }

  @Test("an unavailable metric fails the round by its name, because a partial plan would be too small")
  func missing() async throws {
    let (requests, queue) = (ScriptedSource { _ in 100 }, ScriptedSource { _ in .nan })
    let store = RecordingStore()
    let loop = ForecastLoop(try workload(requests, queue), store: store, clock: ManualClock(at: noon))
    let failure = await #expect(throws: ForecastFailure.self) { try await loop.tick() }
    #expect(failure?.stage == .collect)
    #expect(failure?.problem.hasPrefix("metric 'queue': ") == true)
    #expect(store.puts.isEmpty)
  }
}
