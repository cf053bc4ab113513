import Foundation
import KedastralTesting
import Testing

@testable import KedastralCore

@Suite("Explanations of a plan")
struct PlanExplanationTests {
  private let noon = Date(timeIntervalSince1970: 1_769_860_800)

  private func record(
    _ values: [Double], current: Double = 100, error: Double? = nil, previous: Int? = nil,
    others: [PlanBasis.Metric] = [], _ policy: any CapacityPolicy
  ) throws -> PlanRecord {
    let forecast = Forecast(
      start: noon, step: .seconds(60), values: values,
      quantiles: Quantiles([.init(level: 0.9, values: values.map { $0 * 1.5 })]), model: "test")
    let main = PlanBasis.Metric(
      name: "rps", forecast: forecast, policy: policy,
      state: CapacityState(replicas: previous, currentLoad: current, forecastError: error))
    let basis = PlanBasis(metrics: [main] + others)
    let composer = SnapshotComposer(forecastStart: noon, generatedAt: noon, step: .seconds(60))
    let plan = try PublishedPlan(basis, composer, count: values.count)
    let snapshot = try Snapshot(
      workload: try WorkloadName("api"), metric: "rps", generatedAt: noon, step: .seconds(60),
      horizon: .seconds(60 * values.count), values: values, desiredReplicas: plan.steps.map(\.replicas),
      quantiles: forecast.quantiles, plannedLoad: plan.load, requiredReplicas: plan.required, bounds: plan.bounds,
      model: "test", currentValue: current, targetPerPod: plan.targetPerPod,
      accuracy: error.map { .init(relativeError: $0) }, reason: plan.reason)
    return PlanRecord(snapshot, of: plan, from: basis)
  }

  private func explain(_ record: PlanRecord, lead: Duration = .seconds(180), after seconds: Int = 0) -> PlanExplanation
  {
    PlanExplanation(record, leadTime: lead, staleAfter: .seconds(120), at: noon + .seconds(seconds))
  }

  private func policy(
    headroom: Double = 1.2, quantile: Double? = nil, min: Int = 1, max: Int = 100, up: Double = 100,
    down: Double = 100, prewarm: Int = 0, floor: Bool = false
  ) throws -> StandardCapacityPolicy {
    try StandardCapacityPolicy(
      targetPerPod: 10, headroom: headroom, quantileLevel: quantile, minReplicas: min, maxReplicas: max,
      upMaxFactor: up, downMaxPercent: down, prewarmSteps: prewarm, hasReactiveFloor: floor)
  }

  @Test("explains the step with the most replicas within the lead time, with every number")
  func figures() throws {
    let told = explain(try record([100, 100, 200, 100, 900], try policy()))
    #expect(told.replicas == 24)
    #expect(told.stepBegins == noon + .seconds(120) && told.stepEnds == noon + .seconds(180))
    #expect(told.currentLoad == 100 && told.forecast == 200 && told.forecastAtLead == 200 && told.plannedLoad == 240)
    #expect(told.headroom == 1.2 && told.quantile == nil && told.need == 24 && told.targetPerPod == 10)
    #expect(told.clamps == [] && told.model == "test" && told.isStale == false && told.ageSeconds == 0)
    #expect(explain(try record([100], try policy(quantile: 0.9))).quantile == 0.9)
    #expect(explain(try record([100], try policy()), after: 121).isStale == true)
    let ahead = explain(try record([100], try policy()), after: -121)
    #expect(ahead.isStale == true && ahead.text.contains("The plan is 2m1s ahead of this clock: it is not served."))
  }

  @Test("a lead time beyond the forecast is not used as the label of the forecast's end", arguments: [120, 45, 0])
  func beyondHorizon(extra: Int) throws {
    let lead = Duration.seconds(120 + extra)
    let told = explain(try record([100, 200], try policy()), lead: lead)
    #expect(told.forecastAtLead == 200 && told.forecastOnlySeconds == (extra > 0 ? 120 : nil))
    #expect(told.text.contains("200 forecast in 2m."))
    let words = "The forecast covers only 2m, less than the lead time of \(DurationText.format(lead))."
    #expect(told.text.contains(words) == (extra > 0), "\(told.text)")
  }

  @Test("it agrees with the response to KEDA, at each lead time and age")
  func agreesWithAnswer() throws {
    let record = try record([100, 300, 200, 50, 900, 20, 20], try policy(up: 1.5, down: 30))
    for lead in [0, 60, 150, 600] {
      for age in [0, 59, 60, 200] {
        let question = ScalingQuestion(leadTime: .seconds(lead))
        let answer = record.snapshot.answer(question, at: noon + .seconds(age))
        #expect(Double(explain(record, lead: .seconds(lead), after: age).replicas) == answer?.value)
      }
    }
  }

  @Test("names exactly the limits that applied")
  func clamps() throws {
    func clamps(_ record: PlanRecord) -> [CapacityPlan.Adjustment]? { explain(record, lead: .zero).clamps }
    #expect(clamps(try record([1], try policy(min: 4))) == [.minimum])
    #expect(clamps(try record([900], try policy(max: 4))) == [.maximum])
    #expect(clamps(try record([300], previous: 3, try policy(up: 2))) == [.growth])
    #expect(clamps(try record([10], previous: 30, try policy(down: 10))) == [.shrinkage])
    #expect(clamps(try record([10], current: 500, try policy(floor: true))) == [.reactiveFloor])
    #expect(clamps(try record([10, 90], try policy(prewarm: 1))) == [.prewarm])
    #expect(clamps(try record([10], error: 0.9, AccuracyGate(try policy(), largestError: 0.5))) == [.accuracyGate])
    let rule = ScheduledBounds.Rule(
      begins: try CronExpression("* * * * *"), duration: .seconds(60), minReplicas: 7, maxReplicas: 9)
    #expect(clamps(try record([10], ScheduledBounds(try policy(), rules: [rule]))) == [.scheduledMinimum])
    #expect(clamps(try record([300], ScheduledBounds(try policy(), rules: [rule]))) == [.scheduledMaximum])
  }

  @Test("the next change is a rise within the lead time, or the end of a fall")
  func nextChange() throws {
    let record = try record([10, 10, 10, 50, 10, 10], try policy(headroom: 1))
    #expect(explain(record, lead: .seconds(60)).nextChange == .init(at: noon + .seconds(120), replicas: 5))
    #expect(explain(record, lead: .seconds(60), after: 130).nextChange == .init(at: noon + .seconds(240), replicas: 1))
    #expect(explain(record, lead: .seconds(60), after: 250).nextChange == nil)
  }

  @Test("the deciding metric is reported, with its own load and target")
  func otherMetric() throws {
    let forecast = Forecast(start: noon, step: .seconds(60), values: [40, 60], model: "queue model")
    let queue = PlanBasis.Metric(
      name: "queue", forecast: forecast, policy: try StandardCapacityPolicy(targetPerPod: 2, headroom: 1),
      state: CapacityState(currentLoad: 33))
    let told = explain(try record([100, 100], others: [queue], try policy()), lead: .seconds(120))
    #expect(told.metric == "queue" && told.replicas == 30 && told.need == 30)
    #expect(told.currentLoad == 33 && told.forecast == 60 && told.plannedLoad == 60 && told.targetPerPod == 2)
    #expect(told.model == "queue model")
  }

  @Test("explains a snapshot without its record as far as possible, and reads it from JSON")
  func snapshotAlone() throws {
    let record = try record([100, 200], error: 0.25, try policy())
    let told = PlanExplanation(record.snapshot, leadTime: .seconds(120), at: noon)
    #expect(told.replicas == 24 && told.plannedLoad == 240 && told.recentError == 0.25)
    #expect(told.need == nil && told.clamps == nil && told.headroom == nil)
    #expect(try PlanExplanation(json: told.json()) == told)
    let whole = explain(record, after: 30)
    #expect(try PlanExplanation(json: whole.json()) == whole)
  }

  @Test("the text contains the numbers")
  func words() throws {
    let text = explain(try record([100, 900], error: 0.25, try policy(max: 20))).text
    #expect(
      text == """
        api: 20 replicas now, to be ready for the next 2m.
        Capped at 20: the load needs 108.
        Load (rps): 100 now, 900 forecast in 2m.
        The forecast covers only 2m, less than the lead time of 3m.
        The step from 2026-01-31T12:01:00Z to 2026-01-31T12:02:00Z determines the plan: 900 forecast, planned for 1080 (headroom × 1.2), which needs 108 replicas at 10 per pod.
        The maximum reduced the replicas to 20.
        Model test; forecasts 5m ahead are typically off by 25 %.
        The plan is 0s old. No change is planned.
        """)
  }

  @Test("a plan below the requirement is explained as capped, now or later; one that grows in time is not")
  func capped() throws {
    let now = explain(try record([300, 300, 300], try policy(headroom: 1, max: 10)))
    #expect(now.required == 30 && now.replicas == 10 && now.state == .capped && now.maxReplicas == 10)
    #expect(now.text.contains("Capped at 10: the load needs 30."))

    let later = explain(
      try record([100, 100, 100, 100, 230, 200], try policy(headroom: 1, max: 10)), lead: .seconds(60))
    #expect(later.required == 10 && later.state == .ok)
    #expect(later.shortfallAhead == .init(at: noon + .seconds(240), planned: 10, required: 23))
    #expect(later.text.contains("From 12:04 UTC the load needs up to 23 replicas; limits keep the plan at 10."))

    // A step's growth is limited, and KEDA already receives its end.
    let growing = explain(
      try record([300, 300, 300, 300], previous: 3, try policy(headroom: 1, up: 2.2)), lead: .seconds(240))
    #expect(growing.replicas == 30 && growing.required == 30 && growing.state == .ok && growing.shortfallAhead == nil)
    let slow = explain(try record([300, 300], previous: 3, try policy(headroom: 1, up: 1.1)), lead: .seconds(120))
    #expect(slow.state == .capped && slow.replicas == 5 && slow.required == 30)
  }

  @Test("a load without a recent sample is shown as the time of its last sample, not as a number")
  func noSample() throws {
    for (age, expected) in [(900, "no sample since 11:45 UTC"), (90_000, "no sample since 2026-01-30 11:00 UTC")] {
      var snapshot = try record([100, 100], try policy()).snapshot
      snapshot.currentValue = nil
      snapshot.newestSampleAt = noon - .seconds(age)
      snapshot.bridgedUntil = noon + .seconds(600)
      snapshot.problem = "Connection refused"
      let told = PlanExplanation(snapshot, leadTime: .seconds(60), staleAfter: .seconds(120), at: noon)
      #expect(told.state == .bridged && told.currentLoad == nil && told.isStale == false)
      #expect(told.text.contains("Load (rps): \(expected), 100 forecast in 1m."), "\(told.text)")
      #expect(
        told.text.contains("Bridged: \(expected); the plan is based on the forecast and is served until 12:10 UTC."))
      #expect(told.text.contains("Failing: Connection refused."))
      let over = PlanExplanation(snapshot, leadTime: .seconds(60), staleAfter: .seconds(3600), at: noon + .seconds(601))
      #expect(over.isStale == true && over.state == .stale && over.text.contains("it is not served"))
      #expect(try PlanExplanation(json: over.json()) == over)
    }
  }

  @Test("a failing workload's error and its start are reported, and a dry run is not described as served")
  func troubled() throws {
    var snapshot = try record([100], try policy()).snapshot
    snapshot.isDryRun = true
    let problem = WorkloadProblem(stage: .collect, text: "no such host", since: noon - .seconds(3600), failures: 40)
    let told = PlanExplanation(
      snapshot, leadTime: .seconds(60), staleAfter: .seconds(120), problem: problem, at: noon)
    #expect(told.state == .failing && told.problemSince == noon - .seconds(3600))
    #expect(told.text.contains("Failing since 11:00 UTC: collect: no such host."))
    #expect(told.text.contains("This is a dry run: the plan is not served."))
    #expect(PlanExplanation(snapshot, leadTime: .seconds(60), staleAfter: .seconds(120), at: noon).state == .dryRun)
  }

  @Test("a trial plans with other settings, and the record is unchanged")
  func whatIf() throws {
    let record = try record(
      [100, 300], previous: 3, ScheduledBounds(AccuracyGate(try policy(), largestError: 1), rules: []))
    let before = record.snapshot
    let changed = try #require(
      try record.whatIf(CapacityChange(targetPerPod: 20, margin: .quantile(0.9), maxReplicas: 15)))
    let expected = try StandardCapacityPolicy(
      targetPerPod: 20, quantileLevel: 0.9, maxReplicas: 15, upMaxFactor: 100, downMaxPercent: 100
    ).plan(record.basis.metrics[0].forecast, from: record.basis.metrics[0].state)
    #expect(changed.snapshot.desiredReplicas == expected.replicas)
    #expect(changed.snapshot.plannedLoad == [150, 450] && changed.snapshot.targetPerPod == 20)
    #expect(record.snapshot == before)
    #expect(try record.whatIf(CapacityChange())?.snapshot == before)
    #expect(throws: StandardCapacityPolicy.InvalidSetting.self) { try record.whatIf(CapacityChange(targetPerPod: -1)) }
  }
}
