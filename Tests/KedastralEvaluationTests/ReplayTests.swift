import Foundation
import KedastralModels
import KedastralTesting
import TestSupport
import Testing

@testable import KedastralCore
@testable import KedastralEvaluation

/// Knows the whole load: what a perfect model would say. For tests of what happens behind the model.
private struct Clairvoyant: Model {
  let name = "clairvoyant"
  let truth: TimeSeries

  func forecast(_ history: TimeSeries, steps: Int, quantiles: [Double]) throws -> Forecast {
    let first = truth.index(nearest: history.end) + 1
    let values = (first..<first + steps).map { truth.values[min($0, truth.count - 1)] }
    return Forecast(
      start: history.end, step: history.step, values: values,
      quantiles: Quantiles(quantiles.map { .init(level: $0, values: values) }), model: name)
  }
}

/// Forecasts no load at all, ever.
private struct Hopeless: Model {
  let name = "hopeless"
  func forecast(_ history: TimeSeries, steps: Int, quantiles: [Double]) throws -> Forecast {
    Forecast(start: history.end, step: history.step, values: Array(repeating: 0, count: steps), model: name)
  }
}

/// Takes the newest sample for all that comes: what a plan for the current load would be made of.
private struct Present: Model {
  let name = "present"
  func forecast(_ history: TimeSeries, steps: Int, quantiles: [Double]) throws -> Forecast {
    guard let last = history.lastPresentIndex else { throw ModelError.notEnoughHistory(needed: 1, present: 0) }
    return Forecast(
      start: history.end, step: history.step, values: Array(repeating: history.values[last], count: steps), model: name)
  }
}

/// Carries on the newest sample, and looks at every sample it is given.
private struct LastValue: Model {
  let name = "last-value"
  func forecast(_ history: TimeSeries, steps: Int, quantiles: [Double]) throws -> Forecast {
    guard let last = history.lastPresentIndex else { throw ModelError.notEnoughHistory(needed: 1, present: 0) }
    let mean = history.values.filter(\.isFinite).reduce(0, +) / Double(history.count - history.missingCount)
    return Forecast(
      start: history.end, step: history.step, values: Array(repeating: max(mean, history.values[last]), count: steps),
      model: name)
  }
}

@Suite("Replay", .numeric)
struct ReplayTests {
  private static let day = 1440

  private func daily(days: Int = 2, seed: UInt64 = 5) -> TimeSeries {
    SyntheticLoad.series(count: days * Self.day, seed: seed) { minute, generator in
      max(0, SyntheticLoad.day(minute, &generator))
    }
  }

  private func kedastral(
    _ model: any Model, capacity: Double, headroom: Double = 1, lead: Duration = .seconds(240),
    mode: ScalingQuestion.Mode = .replicas, hasReactiveFloor: Bool = false
  ) throws -> PredictivePolicy {
    try PredictivePolicy(
      model: model,
      policy: StandardCapacityPolicy(
        targetPerPod: capacity, headroom: headroom, maxReplicas: 1000, upMaxFactor: 16,
        hasReactiveFloor: hasReactiveFloor),
      question: ScalingQuestion(leadTime: lead, mode: mode))
  }

  @Test("perfect foresight is never short of a pod, and one pod fewer would be", arguments: [0, 60, 180, 400])
  func oracle(startup: Int) async throws {
    let load = ReplayLoad(daily())
    let replay = try Replay(load, podCapacity: load.podCapacity(pods: 20), warmup: .seconds(86_400 * 3 / 2))
    let startup = Duration.seconds(startup)
    let policy = OraclePolicy(load, podCapacity: replay.podCapacity, startup: startup)
    let outcome = try await replay.run([Replay.Entrant(policy, startup: startup)])[0]
    #expect(outcome.figures.violationMinutes == 0)
    #expect(outcome.figures.unservedShare == 0)
    #expect(outcome.figures.oracleRatio == 1)
    struct OneFewer: ReplayPolicy {
      let name = "one fewer"
      let policy: OraclePolicy
      func desiredReplicas(_ view: ReplayView) -> Int { policy.desiredReplicas(view) - 1 }
    }
    let fewer = try await replay.run([Replay.Entrant(OneFewer(policy: policy), startup: startup)])[0]
    #expect(fewer.figures.violationMinutes > 50)
  }

  @Test("a step in load costs a reactive autoscaler one startup time, and a predictive one nothing")
  func stepUp() async throws {
    let values = (0..<400).map { $0 < 300 ? 90.0 : 490 }
    let series = TimeSeries(start: Date(timeIntervalSince1970: 6000), step: .seconds(60), values: values)
    let replay = try Replay(ReplayLoad(series), podCapacity: 10, warmup: .seconds(60 * 200))
    let outcomes = try await replay.run([
      .init(ReactivePolicy(utilization: 0.9, podCapacity: 10), startup: .seconds(180)),
      .init(try kedastral(Clairvoyant(truth: series), capacity: 10), startup: .seconds(180)),
    ])
    // The one-minute rate has risen after a minute; the pods of that sync serve three minutes later.
    #expect(outcomes[0].figures.violationMinutes == 4)
    #expect(outcomes[1].figures.violationMinutes == 0)
    #expect(outcomes[1].figures.podHours < 1.1 * outcomes[1].figures.oraclePodHours)
  }

  @Test(
    "with a perfect forecast the production code is never short of whole pods or load",
    arguments: [ScalingQuestion.Mode.replicas, .load])
  func perfectForecast(mode: ScalingQuestion.Mode) async throws {
    let series = daily()
    let load = ReplayLoad(series)
    let replay = try Replay(load, podCapacity: load.podCapacity(pods: 8))
    // 12 % more than the autoscaler's tolerance of 10 % could take away.
    let policy = try kedastral(Clairvoyant(truth: series), capacity: replay.podCapacity, headroom: 1.12, mode: mode)
    let outcome = try await replay.run([.init(policy, startup: .seconds(180))])[0]
    #expect(outcome.figures.violationMinutes == 0)
    #expect(outcome.figures.oracleRatio < 1.5)
    #expect(outcome.forecasts.failed == 0)
  }

  @Test("no policy sees the future: replacing it with NaN changes no earlier decision")
  func noLeakage() async throws {
    let series = daily(days: 2)
    let capacity = ReplayLoad(series).podCapacity()
    let cut = Self.day + 317
    func records(_ series: TimeSeries) async throws -> [[Replay.Record]] {
      let replay = try Replay(
        ReplayLoad(series), podCapacity: capacity, warmup: .seconds(86_400), interval: .seconds(7200))
      let policies: [any ReplayPolicy] = [
        ReactivePolicy(utilization: 0.8, podCapacity: capacity),
        ReferencePolicy(policy: try StandardCapacityPolicy(targetPerPod: capacity)),
        try kedastral(SeasonalBaseline(), capacity: capacity, headroom: 1.1, hasReactiveFloor: true),
        try kedastral(LastValue(), capacity: capacity),
      ]
      return try await replay.run(policies.map { .init($0, startup: .seconds(60), isRecorded: true) }).map(\.records)
    }
    var poisoned = series
    for index in cut..<series.count { poisoned.values[index] = .nan }
    let syncsBefore = (cut - Self.day) * ReplayLoad.syncsPerMinute
    for (clean, blind) in zip(try await records(series), try await records(poisoned)) {
      #expect(clean.prefix(syncsBefore) == blind.prefix(syncsBefore))
      #expect(clean.count == blind.count)
    }
  }

  @Test("with the reactive floor, a useless model is no worse than a reactive autoscaler")
  func reactiveFloor() async throws {
    let patterns: [LoadPattern] = [
      .hourlySpike(base: 100, peak: 600), .businessHours(base: 50, peak: 900),
      .sineWave(base: 10, peak: 500, period: .seconds(7200)),
    ]
    for pattern in patterns {
      var series = daily(days: 2)
      for index in series.values.indices { series.values[index] += pattern.load(at: series.instant(at: index)) }
      let load = ReplayLoad(series)
      let replay = try Replay(load, podCapacity: load.podCapacity())
      for startup in [Duration.seconds(60), .seconds(180)] {
        let outcomes = try await replay.run([
          .init(ByMinute(ReactivePolicy(utilization: 1, podCapacity: replay.podCapacity)), startup: startup),
          .init(try kedastral(Hopeless(), capacity: replay.podCapacity, hasReactiveFloor: true), startup: startup),
          .init(try kedastral(Hopeless(), capacity: replay.podCapacity), startup: startup),
        ]).map(\.figures)
        #expect(outcomes[1].violationMinutes <= outcomes[0].violationMinutes)
        #expect(outcomes[2].violationShare > 0.9)
        let triggered = try PredictivePolicy(
          model: Hopeless(), policy: StandardCapacityPolicy(targetPerPod: replay.podCapacity),
          question: ScalingQuestion(leadTime: .seconds(240)), reactiveTarget: replay.podCapacity)
        // Kubernetes holds its tolerance against ready pods for a utilisation, against all pods for a trigger's metric.
        let reactive = LoadTrigger(target: replay.podCapacity)
        let pair = try await replay.run([.init(reactive, startup: startup), .init(triggered, startup: startup)])
        #expect(pair[1].figures.violationMinutes <= pair[0].figures.violationMinutes)
      }
    }
  }

  @Test("a gate plans for the current load after inaccurate forecasts, and uses accurate ones")
  func accuracyGate() async throws {
    let series = daily(days: 2)
    let load = ReplayLoad(series)
    let replay = try Replay(load, podCapacity: load.podCapacity(), warmup: .seconds(86_400 * 3 / 2))
    let standard = try StandardCapacityPolicy(targetPerPod: replay.podCapacity, headroom: 1.2)
    func entrant(_ model: any Model, _ policy: any CapacityPolicy) throws -> Replay.Entrant {
      let policy = try PredictivePolicy(
        model: model, policy: policy, question: ScalingQuestion(leadTime: .seconds(75)), horizon: .seconds(600),
        behavior: .init(tolerance: 0))
      return Replay.Entrant(policy, startup: .seconds(60), isRecorded: true)
    }
    let gated = AccuracyGate(standard, largestError: 0.3)
    let truth = Clairvoyant(truth: series)
    let desired = try await replay.run([
      entrant(Hopeless(), gated), entrant(Present(), standard), entrant(truth, gated), entrant(truth, standard),
    ]).map { $0.records.map(\.desired) }
    // Ten forecasts of five minutes ahead are compared first; then falls wait for five minutes.
    let settled = 30 * ReplayLoad.syncsPerMinute
    let differences = zip(desired[0], desired[1]).map { $0 != $1 }
    #expect(differences.contains(true), "nothing is known of the first forecasts")
    #expect(differences.lastIndex(of: true) ?? 0 < settled)
    #expect(zip(desired[2], desired[3]).allSatisfy(==))
  }

  /// An autoscaler with only a trigger for the current load.
  private struct LoadTrigger: ReplayPolicy {
    let name = "load trigger"
    let target: Double
    var autoscaler = HorizontalAutoscaler()

    init(target: Double) { self.target = target }

    mutating func desiredReplicas(_ view: ReplayView) -> Int {
      autoscaler.replicas(
        for: .init(pods: view.observedLoad / target, current: view.orderedPods), current: view.orderedPods,
        sync: view.sync)
    }
  }

  /// A reactive policy that sees whole minutes alone, as a forecaster does.
  private struct ByMinute: ReplayPolicy {
    let name = "hpa by minute"
    var policy: ReactivePolicy
    var last: Double = .nan

    init(_ policy: ReactivePolicy) { self.policy = policy }

    mutating func desiredReplicas(_ view: ReplayView) -> Int {
      if view.sync % ReplayLoad.syncsPerMinute == 0 { last = view.observedLoad }
      return policy.desiredReplicas(
        ReplayView(
          now: view.now, sync: view.sync, observedLoad: last, orderedPods: view.orderedPods, readyPods: view.readyPods))
    }
  }

  @Test("minutes without a measurement are not scored, and replicas stay while there is no metric")
  func gaps() async throws {
    var values = Array(repeating: 95.0, count: 300)
    for index in 200..<260 { values[index] = .nan }
    let series = TimeSeries(start: Date(timeIntervalSince1970: 0), step: .seconds(60), values: values)
    let replay = try Replay(ReplayLoad(series), podCapacity: 10, warmup: .seconds(6000))
    let outcome = try await replay.run([
      .init(ReactivePolicy(utilization: 0.8, podCapacity: 10), startup: .seconds(60), isRecorded: true)
    ])[0]
    #expect(outcome.figures.minutes == 140)
    #expect(Set(outcome.records.dropFirst(8).map(\.desired)) == [12])
  }

  @Test("a model that cannot forecast leaves the replicas unchanged, and the outcome has the reason")
  func failingModel() async throws {
    struct Broken: Model {
      let name = "broken"
      func forecast(_ history: TimeSeries, steps: Int, quantiles: [Double]) throws -> Forecast {
        throw ModelError.remote("http://127.0.0.1:1 refused")
      }
    }
    let replay = try Replay(ReplayLoad(daily(days: 2)), podCapacity: 50)
    let outcome = try await replay.run([
      .init(try kedastral(Broken(), capacity: 50), startup: .seconds(60), isRecorded: true)
    ])[0]
    #expect(Set(outcome.records.map(\.desired)).count == 1)
    #expect(outcome.forecasts.made == 0)
    #expect(outcome.forecasts.problem == "http://127.0.0.1:1 refused")
  }

  @Test("a policy with unusable plans leaves the replicas unchanged, and the outcome has the reason")
  func failingPolicy() async throws {
    struct Empty: CapacityPolicy {
      let targetPerPod = 50.0
      func plan(_ forecast: Forecast, from state: CapacityState) -> CapacityPlan { CapacityPlan(steps: []) }
    }
    let replay = try Replay(ReplayLoad(daily(days: 2)), podCapacity: 50)
    let policy = try PredictivePolicy(
      model: Present(), policy: Empty(), question: ScalingQuestion(leadTime: .seconds(240)))
    let outcome = try await replay.run([.init(policy, startup: .seconds(60), isRecorded: true)])[0]
    #expect(Set(outcome.records.map(\.desired)).count == 1)
    #expect(outcome.forecasts.made == 0 && outcome.forecasts.failed == Self.day)
    #expect(outcome.forecasts.problem?.hasPrefix("policy Empty: the plan is empty; expected") == true)
  }

  @Test("the Go implementation uses the maximum of its plan until the lead time, whatever the plan's age")
  func reference() throws {
    let policy = try StandardCapacityPolicy(
      targetPerPod: 10, headroom: 1, maxReplicas: 1000, upMaxFactor: 100, downMaxPercent: 100)
    func desired(_ values: [Double], lead: Int, after seconds: Int = 0) throws -> Int {
      var reference = ReferencePolicy(
        policy: policy, leadTime: .seconds(lead), behavior: .init(tolerance: 0))
      let start = Date(timeIntervalSince1970: 6000)
      let forecast = Forecast(start: start, step: .seconds(60), values: values, model: "test")
      let history = TimeSeries(start: start, step: .seconds(60), values: [10])
      reference.receive(forecast, from: history, at: start)
      return reference.desiredReplicas(
        ReplayView(
          now: start + .seconds(seconds), sync: 0, observedLoad: 10, orderedPods: 1, readyPods: 1))
    }
    let values: [Double] = [10, 20, 40, 10, 10, 30, 10]
    // Up for the peak before the lead time, which the value at the lead time would miss; the pace is the autoscaler's.
    #expect(try desired(values, lead: 240) == 4)
    #expect(try desired(values, lead: 60) == 2)
    #expect(try desired(values, lead: 0) == 1)
    #expect(try desired(values, lead: 240, after: 7200) == 4)
    #expect(try desired(values, lead: 86_400) == 4)
  }

  @Test("ratios to zero have no value")
  func noValue() {
    let figures = ReplayFigures()
    #expect(figures.violationShare.isNaN && figures.oracleRatio.isNaN && figures.unservedShare == 0)
  }

  @Test("records are consistent: ready pods are those ordered one startup time ago")
  func records() async throws {
    let load = ReplayLoad(daily(days: 2))
    let replay = try Replay(load, podCapacity: load.podCapacity())
    let outcome = try await replay.run([
      .init(ReactivePolicy(utilization: 0.7, podCapacity: replay.podCapacity), startup: .seconds(180), isRecorded: true)
    ])[0]
    #expect(outcome.records.count == replay.minutes.count * 4)
    for index in 12..<outcome.records.count {
      let window = outcome.records[(index - 12)...index]
      #expect(outcome.records[index].ready == window.map(\.desired).min())
    }
    let short = outcome.records.count { $0.load > Double($0.ready) * replay.podCapacity }
    #expect(outcome.figures.violationMinutes == Double(short) / 4)
  }

  @Test("an invalid replay is refused with one sentence")
  func refused() {
    let load = ReplayLoad(daily(days: 1))
    #expect(throws: Replay.Problem.self) { _ = try Replay(load, podCapacity: 0) }
    #expect(throws: Replay.Problem.self) { _ = try Replay(load, podCapacity: 1, step: .seconds(90)) }
    let problem = #expect(throws: Replay.Problem.self) {
      _ = try Replay(load, podCapacity: 1, warmup: .seconds(2 * 86_400))
    }
    #expect(problem?.description.contains("leaves nothing to replay after 2d") == true)
  }
}

@Suite("Load of a replay")
struct ReplayLoadTests {
  private func load(
    _ values: [Double], stepSeconds: Int, _ interpolation: ReplayLoad.Interpolation = .hold
  ) -> ReplayLoad {
    ReplayLoad(
      TimeSeries(start: Date(timeIntervalSince1970: 600), step: .seconds(stepSeconds), values: values),
      interpolation: interpolation)
  }

  @Test("each value of a longer step is held over its step, and shows nothing of the next one")
  func held() {
    let played = load([1, 10, .nan, 5, -3], stepSeconds: 300)
    let values = played.minutes.values
    #expect(played.interpolation == .hold)
    #expect(values.count == 21)
    #expect(values[0] == 1 && values[1...5].allSatisfy { $0 == 10 } && values[6...10].allSatisfy(\.isNaN))
    #expect(values[11...15].allSatisfy { $0 == 5 } && values[16...20].allSatisfy { $0 == 0 })
  }

  @Test("steps of at most a minute are not interpolated", arguments: [60, 30])
  func notInterpolated(stepSeconds: Int) {
    #expect(load([1, 2, 3], stepSeconds: stepSeconds).interpolation == nil)
  }

  @Test("by linear interpolation the load is a line between two samples, but not across gaps")
  func interpolated() {
    let values = load([0, 10, .nan, 5, -3], stepSeconds: 300, .linear).minutes.values
    #expect(values.count == 21)
    for (index, expected) in zip([0, 1, 4, 5, 15, 16, 20], [0, 2, 8, 10, 5, 4, 0]) {
      #expect(abs(values[index] - Double(expected)) < 1e-9)
    }
    let gap = values[6...14].filter(\.isNaN)
    #expect(gap.count == 9)
  }

  @Test("shorter steps are averaged")
  func averaged() {
    #expect(load([1, 1, 2, 3, 4, 5, 6], stepSeconds: 30).minutes.values == [1, 1.5, 3.5, 5.5])
  }

  @Test("the 99th percentile requires the given number of pods")
  func podCapacity() {
    #expect(load((0...1000).map(Double.init), stepSeconds: 60).podCapacity(pods: 20) == 990.0 / 20)
    #expect(load([0, 0, .nan], stepSeconds: 60).podCapacity() == 1)
  }
}

@Suite("Frontier")
struct FrontierTests {
  private func point(_ podHours: Double, _ minutes: Double) -> Frontier.Point {
    var figures = ReplayFigures()
    figures.podHours = podHours
    figures.violationMinutes = minutes
    return Frontier.Point(knob: "\(podHours)", figures: figures)
  }

  @Test("a frontier is linear between two settings, nil below the cheapest, and constant above the most expensive")
  func interpolation() {
    let frontier = Frontier([point(30, 10), point(10, 100), point(20, 40)])
    #expect(frontier.violationMinutes(atPodHours: 10) == 100)
    #expect(frontier.violationMinutes(atPodHours: 15) == 70)
    #expect(frontier.violationMinutes(atPodHours: 27.5) == 17.5)
    #expect(frontier.violationMinutes(atPodHours: 99) == 10)
    #expect(frontier.violationMinutes(atPodHours: 9) == nil)
    #expect(Frontier([]).violationMinutes(atPodHours: 9) == nil)
  }
}
