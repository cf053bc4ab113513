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
      quantiles: Quantiles([.init(level: 0.9, values: values.map { $0 * 2 })]), model: "test", reason: "as told")
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

  @Test("a forecast that has been off makes way for the current load, and the plan says so")
  func gateClosed() throws {
    let gate = AccuracyGate(try standard(headroom: 1.2), largestError: 0.3)
    let plan = gate.plan(forecast([100, 900]), from: CapacityState(currentLoad: 50, forecastError: 0.456))
    #expect(plan.replicas == [6, 6])
    #expect(plan.reason == "planned for the current load: recent forecasts were off by 46 %, more than 30 %")
  }

  @Test("a schedule's minimum holds for every step that its period touches")
  func scheduledMinimum() throws {
    let rule = ScheduledBounds.Rule(
      begins: try CronExpression("27 18 * * fri"), duration: .seconds(90), minReplicas: 30)
    let plan = ScheduledBounds(try standard(), rules: [rule]).plan(
      forecast(Array(repeating: 5, count: 6)), from: .unknown)
    #expect(plan.replicas == [1, 1, 30, 30, 1, 1])
    #expect(plan.steps[2].limits == [.scheduledMinimum])
    #expect(plan.steps[2].load == 300)
    #expect(plan.reason == "a schedule bounds the replicas")
  }

  @Test("a period that began before the plan still holds")
  func begunBefore() throws {
    let rule = ScheduledBounds.Rule(begins: try CronExpression("0 18 * * *"), duration: .seconds(1560), minReplicas: 9)
    let plan = ScheduledBounds(try standard(), rules: [rule]).plan(forecast([5, 5]), from: .unknown)
    #expect(plan.replicas == [9, 1])
  }

  @Test("of overlapping rules the largest minimum and the smallest maximum hold, a minimum before a maximum")
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

  @Test("without a period nothing changes, and wrapped policies keep their target and quantile")
  func untouched() throws {
    let rule = ScheduledBounds.Rule(begins: try CronExpression("0 3 * * *"), duration: .seconds(60), minReplicas: 30)
    let policy = AccuracyGate(ScheduledBounds(try standard(), rules: [rule]), largestError: 1)
    #expect(policy.plan(forecast([5]), from: .unknown) == (try standard().plan(forecast([5]), from: .unknown)))
    #expect(policy.targetPerPod == 10)
    #expect(policy.quantileLevel == 0.9)
  }

  @Test("of several metrics the largest need wins at each step, told in the first one's unit")
  func largestNeed() throws {
    let requests = try standard(10).plan(forecast([50, 10, 10]), from: .unknown)
    let queue = try standard(2).plan(forecast([4, 9, 1]), from: .unknown)
    let plan = CapacityPlan.largest(of: [(requests, 10), (queue, 2)])
    #expect(plan.replicas == [10, 9, 2])
    #expect(plan.loads == [100, 90, 20])
    #expect(CapacityPlan.largest(of: []).steps.isEmpty)
  }
}
