import KedastralCore
import Testing

// snippet.show
@Suite("The standard policy with our settings")
struct StandardPolicyTests {
  @Test("plans 20 % more than forecast, and at most doubles the pods in a step")
  func limits() throws {
    let policy = try StandardCapacityPolicy(targetPerPod: 50, headroom: 1.2, maxReplicas: 20)
    let forecast = Forecast(start: start, step: .seconds(60), values: [100, 400, 400], model: "scripted")
    let plan = policy.plan(forecast, from: CapacityState(replicas: 3))
    #expect(plan.replicas == [3, 6, 10])
    #expect(plan.steps.map(\.need) == [3, 10, 10])
    #expect(plan.steps[1].adjustments == [.growth])
  }
}
