import Foundation
import TestSupport
import Testing

@testable import KedastralCore
@testable import KedastralEvaluation

/// Continues the newest sample, or the line through it and the one before; the quantiles are a share above it.
private struct Continuation: Model {
  let name = "continuation"
  let extrapolates: Bool

  func forecast(_ history: TimeSeries, steps: Int, quantiles: [Double]) throws -> Forecast {
    guard let last = history.lastPresentIndex else { throw ModelError.notEnoughHistory(needed: 1, present: 0) }
    let value = history.values[last]
    let before = last > 0 && history.values[last - 1].isFinite ? history.values[last - 1] : value
    let slope = extrapolates ? value - before : 0
    let values = (1...steps).map { max(0, value + slope * Double($0) / 3) }
    return Forecast(
      start: history.end, step: history.step, values: values,
      quantiles: Quantiles(
        quantiles.map { level in .init(level: level, values: values.map { $0 * (0.5 + level / 1.6) }) }),
      model: name)
  }
}

/// The scorecard of a running forecaster and the replay of a trace use the same simulator, so over the same trace with the same
/// policy they have the same numbers.
@Suite("Scorecard and replay", .numeric)
struct ScorecardReplayTests {
  private static let warmup = 120
  private static let capacity = 10.0
  private static let startup: Duration = .seconds(180)

  /// Two days with noise, bursts and gaps. The load is constant when the replay begins, so that both begin with the same pods: the
  /// replay's are those of the first minutes, the scorecard's those of the first.
  private func trace(step: Int) -> TimeSeries {
    SyntheticLoad.series(count: 2 * 86_400 / step, stepSeconds: step, seed: 11) { index, generator in
      let minute = index * step / 60
      if (Self.warmup - 20..<Self.warmup + 20).contains(minute) { return 52 }
      if minute % 700 > 680 { return .nan }
      let burst = minute % 211 < 9 ? 80.0 : 0
      return max(0, 100 + 80 * sin(Double(minute) / 1440 * 2 * .pi) + 6 * generator.noise() + burst)
    }
  }

  private func policy() throws -> StandardCapacityPolicy {
    try StandardCapacityPolicy(targetPerPod: Self.capacity, quantileLevel: 0.95, maxReplicas: 30)
  }

  /// The scorecard of a forecaster that plans each `step`, with loads that are settled after `settleSteps`.
  private func scorecard(
    _ trace: TimeSeries, model: Continuation, step: Int, settleSteps: Int
  ) async throws -> ScorecardDay {
    let duration = Duration.seconds(step)
    let question = ScalingQuestion(leadTime: Self.startup + SimulatedAutoscaler.syncPeriod)
    var scorecard = Scorecard(
      ScorecardSettings(
        leadTime: question.leadTime, startup: Self.startup, staleAfter: max(.seconds(120), duration * 2)),
      step: duration, interval: duration, settleTime: duration * settleSteps)
    let policy = try policy()
    let horizonSteps = Int((question.leadTime.inSeconds / Double(step)).rounded(.up)) + 1
    var planner = Planner(
      workload: try WorkloadName("replay"), metrics: [("load", policy)], step: duration, horizonSteps: horizonSteps)
    let first = Self.warmup * 60 / step
    // The last loads are settled after the trace.
    let tail = TimeSeries(
      start: trace.start, step: duration, values: trace.values + Array(repeating: .nan, count: settleSteps))
    for count in first...tail.count {
      let history = tail.prefix(count)
      let forecast = try model.forecast(history, steps: horizonSteps + 1, quantiles: policy.requiredQuantiles)
      let plan = try planner.plan([.init(forecast: forecast, history: history)], at: history.end)
      planner.publish(plan)
      scorecard.round(
        plan.snapshot, forecast,
        loads: [.init(history, settledEnd: history.end - duration * settleSteps, targetPerPod: Self.capacity)])
    }
    var sum = ScorecardDay(day: 0)
    for day in scorecard.days { sum += day }
    return sum
  }

  @Test(
    "have the same minutes, violations and pod-hours, for the HPA and for the plan",
    arguments: [(60, 0, true), (60, 5, true), (60, 5, false), (300, 0, true), (300, 3, false)])
  func equal(step: Int, settleSteps: Int, extrapolates: Bool) async throws {
    let trace = trace(step: step)
    let model = Continuation(extrapolates: extrapolates)
    let behavior = HorizontalAutoscaler.Behavior(minReplicas: 1, maxReplicas: 30)
    let replay = try Replay(
      ReplayLoad(trace), podCapacity: Self.capacity, warmup: .seconds(Self.warmup * 60 - (step - 60)),
      step: .seconds(step))
    let question = ScalingQuestion(leadTime: Self.startup + SimulatedAutoscaler.syncPeriod)
    let outcomes = try await replay.run([
      .init(
        ReactivePolicy(utilization: 0.7, podCapacity: Self.capacity, behavior: behavior), startup: Self.startup),
      .init(
        try PredictivePolicy(
          model: model, policy: try policy(), question: question, step: .seconds(step), behavior: behavior),
        startup: Self.startup),
    ])
    let (hpa, plan) = (outcomes[0].figures, outcomes[1].figures)
    let card = try await scorecard(trace, model: model, step: step, settleSteps: settleSteps)
    #expect(hpa.violationMinutes > 20)
    #expect(plan.violationMinutes > 20)
    #expect(Double(card.measured) / 4 == hpa.minutes)
    #expect(Double(card.autoscalerViolations) / 4 == hpa.violationMinutes)
    #expect(Double(card.planViolations) / 4 == plan.violationMinutes)
    #expect(abs(Double(card.autoscalerPods) / 240 - hpa.podHours) < 1e-6)
    #expect(abs(Double(card.planPods) / 240 - plan.podHours) < 1e-6)
  }
}
