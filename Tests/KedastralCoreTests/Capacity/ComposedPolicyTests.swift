import Foundation
import KedastralTesting
import Testing

@testable import KedastralCore

@Suite("Policies that wrap policies")
struct ComposedPolicyTests {
  // 2026-01-30 was a Friday.
  private let friday = Timestamp.parse("2026-01-30T18:25:00Z") ?? Date()

  private func forecast(_ values: [Double]) -> Forecast {
    Forecast(
      start: friday, step: .seconds(60), values: values,
      quantiles: Quantiles([.init(level: 0.9, values: values.map { $0 * 2 })]), model: "test", reason: "scripted")
  }

  private func standard(_ target: Double = 10, headroom: Double = 1) throws -> StandardCapacityPolicy {
    try StandardCapacityPolicy(
      targetPerPod: target, headroom: headroom, quantileLevel: 0.9, upMaxFactor: 100, downMaxPercent: 100)
  }

  @Test("an accurate forecast passes the gate")
  func gateOpen() throws {
    let gate = AccuracyGate(try standard(), largestError: 0.3)
    let state = CapacityState(currentLoad: 50, forecastError: 0.3)
    #expect(gate.plan(forecast([100, 100]), from: state) == (try standard().plan(forecast([100, 100]), from: state)))
    #expect(gate.plan(forecast([100]), from: .unknown).replicas == [20])
  }

  @Test("a forecast with large past errors is replaced by the current load, and the plan says so")
  func gateClosed() throws {
    let gate = AccuracyGate(try standard(headroom: 1.2), largestError: 0.3)
    let plan = gate.plan(forecast([100, 900]), from: CapacityState(currentLoad: 50, forecastError: 0.456))
    #expect(plan.replicas == [6, 6])
    #expect(plan.reason == "planned for the current load: the recent forecast error is 46 %, more than 30 %")
  }

  @Test("a schedule's minimum applies to every step that its period touches")
  func scheduledMinimum() throws {
    let rule = ScheduledBounds.Rule(
      begins: try CronExpression("27 18 * * fri"), duration: .seconds(90), minReplicas: 30)
    let plan = ScheduledBounds(try standard(), rules: [rule]).plan(
      forecast(Array(repeating: 5, count: 6)), from: .unknown)
    #expect(plan.replicas == [1, 1, 30, 30, 1, 1])
    #expect(plan.steps[2].adjustments == [.scheduledMinimum])
    #expect(plan.steps[2].load == 300)
    #expect(plan.reason == "a schedule bounds the replicas")
  }

  @Test("a period that begins in the hour skipped in spring lasts its whole duration from then on")
  func skippedHour() throws {
    let rule = ScheduledBounds.Rule(
      begins: try CronExpression("0 2 * * 0-5"), duration: .seconds(5 * 3600), minReplicas: 10)
    let policy = ScheduledBounds(
      try standard(), rules: [rule], zone: try TimeZoneRules(named: "America/New_York"))
    let start = try #require(Timestamp.parse("2026-03-08T03:00:00Z"))
    let forecast = Forecast(start: start, step: .seconds(600), values: Array(repeating: 20, count: 84), model: "test")
    let held = policy.plan(forecast, from: .unknown).replicas.enumerated().filter { $0.element == 10 }.map(\.offset)
    // From 7:00Z, three in the morning, to 12:00Z.
    #expect(held == Array(24..<54))
  }

  @Test("a permanent schedule also applies while the clocks go back")
  func repeatedHour() throws {
    for text in ["* * * * *", "*/15 * * * *"] {
      let rule = ScheduledBounds.Rule(
        begins: try CronExpression(text), duration: text == "* * * * *" ? .seconds(60) : .seconds(900), minReplicas: 10)
      let policy = ScheduledBounds(try standard(), rules: [rule], zone: try TimeZoneRules(named: "America/New_York"))
      let start = try #require(Timestamp.parse("2026-11-01T03:00:00Z"))
      let forecast = Forecast(start: start, step: .seconds(300), values: Array(repeating: 20, count: 72), model: "test")
      #expect(policy.plan(forecast, from: .unknown).replicas.allSatisfy { $0 == 10 }, "\(text)")
    }
  }

  @Test("a period that began before the plan still applies")
  func begunBefore() throws {
    let rule = ScheduledBounds.Rule(begins: try CronExpression("0 18 * * *"), duration: .seconds(1560), minReplicas: 9)
    let plan = ScheduledBounds(try standard(), rules: [rule]).plan(forecast([5, 5]), from: .unknown)
    #expect(plan.replicas == [9, 1])
  }

  @Test("overlapping rules apply the largest minimum and the smallest maximum, and a minimum overrides a maximum")
  func overlapping() throws {
    func rule(_ least: Int?, _ most: Int?) throws -> ScheduledBounds.Rule {
      .init(begins: try CronExpression("* * * * *"), duration: .seconds(60), minReplicas: least, maxReplicas: most)
    }
    func replicas(_ rules: [ScheduledBounds.Rule]) throws -> [Int] {
      ScheduledBounds(try standard(), rules: rules).plan(forecast([100, 100]), from: .unknown).replicas
    }
    #expect(try replicas([rule(nil, 12), rule(nil, 15)]) == [12, 12])
    #expect(try replicas([rule(25, nil), rule(30, nil)]) == [30, 30])
    #expect(try replicas([rule(30, nil), rule(nil, 12)]) == [30, 30])
    #expect(try replicas([rule(nil, 12), rule(30, nil)]) == [30, 30])
  }

  @Test("the problem with a plan is reported in one line, and a plan that is longer than the forecast is valid")
  func defects() throws {
    func step(_ replicas: Int = 1, load: Double = 1, need: Int = 1) -> CapacityPlan.Step {
      CapacityPlan.Step(load: load, need: need, replicas: replicas)
    }
    func defect(_ steps: [CapacityPlan.Step]) -> String? { CapacityPlan(steps: steps).defect(for: forecast([1, 2])) }
    #expect(defect([step(), step()]) == nil)
    #expect(defect([step(), step(0, load: 0, need: 0), step()]) == nil)
    #expect(defect([]) == "the plan is empty; expected 2 steps, as many as the forecast has")
    #expect(defect([step()]) == "the plan has 1 steps; expected 2, as many as the forecast has")
    #expect(defect([step(), step(-3)]) == "the plan's replicas are -3 at step 1; expected 0 to 1000000000")
    #expect(defect([step(.max), step()])?.hasPrefix("the plan's replicas are 9223372036854775807 at step 0") == true)
    #expect(defect([step(), step(need: -1)])?.hasPrefix("the plan's need are -1 at step 1") == true)
    for load in [Double.nan, .infinity, -1] {
      #expect(defect([step(), step(load: load)])?.hasPrefix("the plan's load is \(load) at step 1") == true)
    }
  }

  @Test("without a period nothing changes, and wrapped policies keep their target and quantile")
  func untouched() throws {
    let rule = ScheduledBounds.Rule(begins: try CronExpression("0 3 * * *"), duration: .seconds(60), minReplicas: 30)
    let policy = AccuracyGate(ScheduledBounds(try standard(), rules: [rule]), largestError: 1)
    #expect(policy.plan(forecast([5]), from: .unknown) == (try standard().plan(forecast([5]), from: .unknown)))
    #expect(policy.targetPerPod == 10)
    #expect(policy.requiredQuantiles == [0.9])
  }

  @Test("with several metrics each step has the largest need, in the unit of the first metric")
  func largestNeed() throws {
    let requests = try standard(10).plan(forecast([50, 10, 10]), from: .unknown)
    let queue = try standard(2).plan(forecast([4, 9, 1]), from: .unknown)
    let plan = CapacityPlan.largest(of: [(requests, 10), (queue, 2)])
    #expect(plan.replicas == [10, 9, 2])
    #expect(plan.loads == [100, 90, 20])
    #expect(CapacityPlan.largest(of: []).steps.isEmpty)
  }
}
