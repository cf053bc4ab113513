import Foundation
import KedastralCore
import KedastralTesting
import TestSupport
import Testing

@Suite("Standard capacity policy")
struct StandardCapacityPolicyTests {
  private func forecast(_ values: [Double], p90: [Double]? = nil) -> Forecast {
    Forecast(
      start: Date(timeIntervalSince1970: 0), step: .seconds(60), values: values,
      quantiles: p90.map { Quantiles([.init(level: 0.9, values: $0)]) } ?? .none, model: "test")
  }

  private func replicas(
    _ values: [Double], from previous: Int? = nil, _ policy: StandardCapacityPolicy, p90: [Double]? = nil
  ) -> [Int] {
    policy.plan(forecast(values, p90: p90), from: CapacityState(replicas: previous)).replicas
  }

  @Test("replicas are the load with headroom divided by the target, rounded up")
  func headroom() throws {
    let policy = try StandardCapacityPolicy(targetPerPod: 50, headroom: 1.2, upMaxFactor: 100, downMaxPercent: 100)
    #expect(replicas([0, 41, 42, 100, 500], policy) == [1, 1, 2, 3, 12])
  }

  @Test("a quantile replaces value and headroom, if the forecast has it")
  func quantile() throws {
    let policy = try StandardCapacityPolicy(targetPerPod: 10, headroom: 3, quantileLevel: 0.9, upMaxFactor: 100)
    #expect(replicas([10, 10], policy, p90: [20, 25]) == [2, 3])
    #expect(replicas([10, 10], policy) == [3, 3])
  }

  @Test("a whole multiple of the target needs no extra pod", arguments: [0.1, 0.3, 1.1, 7, 33.3])
  func exactMultiples(target: Double) throws {
    let policy = try StandardCapacityPolicy(targetPerPod: target, headroom: 1)
    for pods in 1...500 { #expect(policy.replicas(for: target * Double(pods)) == pods) }
  }

  @Test("rounds as configured", arguments: [(StandardCapacityPolicy.Rounding.ceil, 3), (.round, 3), (.floor, 2)])
  func rounding(rule: StandardCapacityPolicy.Rounding, expected: Int) throws {
    let policy = try StandardCapacityPolicy(targetPerPod: 10, headroom: 1, rounding: rule)
    #expect(policy.replicas(for: 25) == expected)
  }

  @Test("growth per step is limited, but one more replica is always allowed")
  func growth() throws {
    let policy = try StandardCapacityPolicy(targetPerPod: 1, headroom: 1, upMaxFactor: 1.5)
    #expect(
      replicas([50, 50, 50, 50, 50, 50, 50, 50, 50, 50], from: 1, policy) == [2, 3, 4, 6, 9, 13, 19, 28, 42, 50])
  }

  @Test("shrinkage per step is limited, but one replica fewer is always allowed")
  func shrinkage() throws {
    let policy = try StandardCapacityPolicy(targetPerPod: 1, headroom: 1, minReplicas: 0, downMaxPercent: 50)
    #expect(replicas([0, 0, 0, 0, 0], from: 9, policy) == [5, 3, 2, 1, 0])
  }

  @Test("with 0 % it never shrinks")
  func neverShrinks() throws {
    let policy = try StandardCapacityPolicy(targetPerPod: 1, headroom: 1, downMaxPercent: 0)
    #expect(replicas([1, 1], from: 8, policy) == [8, 8])
  }

  @Test("the first step is not limited when the current replicas are unknown")
  func unknownState() throws {
    let policy = try StandardCapacityPolicy(targetPerPod: 1, headroom: 1, upMaxFactor: 1.1)
    #expect(replicas([40, 80], policy) == [40, 44])
  }

  @Test("prewarm steps bring a rise forward and delay a fall")
  func prewarm() throws {
    let policy = try StandardCapacityPolicy(
      targetPerPod: 1, headroom: 1, upMaxFactor: 100, downMaxPercent: 100, prewarmSteps: 2)
    #expect(replicas([1, 1, 1, 9, 1, 1], policy) == [1, 9, 9, 9, 1, 1])
  }

  @Test("the limits that applied are reported")
  func tellsLimits() throws {
    let policy = try StandardCapacityPolicy(
      targetPerPod: 1, headroom: 1, minReplicas: 2, maxReplicas: 10, upMaxFactor: 2, downMaxPercent: 50)
    let plan = policy.plan(forecast([0, 99, 9, 3]), from: CapacityState(replicas: 4))
    #expect(plan.steps.map(\.adjustments) == [[.minimum], [.maximum, .growth], [.growth], [.shrinkage]])
    #expect(plan.replicas == [2, 4, 8, 4])
    #expect(plan.steps.map(\.need) == [0, 99, 9, 3])
  }

  @Test("the reactive floor keeps the first step at the current requirement")
  func reactiveFloor() throws {
    let policy = try StandardCapacityPolicy(targetPerPod: 10, headroom: 1, hasReactiveFloor: true)
    let plan = policy.plan(forecast([10, 10]), from: CapacityState(replicas: 2, currentLoad: 35))
    #expect(plan.replicas == [4, 2])
    #expect(plan.steps[0].adjustments == [.reactiveFloor])
  }

  @Test("extreme loads are planned at the maximum")
  func huge() throws {
    let policy = try StandardCapacityPolicy(targetPerPod: 1e-9, maxReplicas: 30)
    #expect(replicas([1e300, .greatestFiniteMagnitude], policy) == [30, 30])
  }

  @Test("invalid settings are refused by name")
  func invalid() {
    func message(_ make: () throws -> StandardCapacityPolicy) -> String? {
      do {
        _ = try make()
        return nil
      } catch { return "\(error)" }
    }
    #expect(message { try .init(targetPerPod: -1) } == "targetPerPod is -1.0, expected more than 0")
    #expect(
      message { try .init(targetPerPod: 1, minReplicas: 5, maxReplicas: 2) }
        == "maxReplicas is 2, less than minReplicas (5)")
    #expect(message { try .init(targetPerPod: 1, headroom: .nan) }?.hasPrefix("headroom is nan") == true)
    #expect(message { try .init(targetPerPod: 1, quantileLevel: 90) } == "quantileLevel is not between 0 and 1")
    #expect(message { try .init(targetPerPod: 1, upMaxFactor: 0.5) } == "upMaxFactor is 0.5, expected 1 or more")
    #expect(message { try .init(targetPerPod: 1, downMaxPercent: 101) } == "downMaxPercent is 101.0, expected 0 to 100")
  }
}

@Suite("Laws of the standard capacity policy", .numeric)
struct CapacityLawTests {
  private struct Case {
    var loads: [Double]
    var previous: Int?
    var policy: StandardCapacityPolicy
  }

  /// Random policies, loads and states, from a fixed seed.
  private func cases(_ count: Int = 400) throws -> [Case] {
    var random = SeededGenerator(seed: 7)
    return try (0..<count).map { _ in
      let minimum = Int.random(in: 0...5, using: &random)
      return Case(
        loads: (0..<30).map { _ in Double.random(in: 0...2000, using: &random) },
        previous: Bool.random(using: &random) ? Int.random(in: 0...150, using: &random) : nil,
        policy: try StandardCapacityPolicy(
          targetPerPod: .random(in: 1...100, using: &random), headroom: .random(in: 0.5...2, using: &random),
          minReplicas: minimum, maxReplicas: minimum + .random(in: 0...100, using: &random),
          upMaxFactor: .random(in: 1...4, using: &random), downMaxPercent: .random(in: 0...100, using: &random),
          prewarmSteps: .random(in: 0...4, using: &random), rounding: .allCases.randomElement(using: &random) ?? .ceil))
    }
  }

  private func plan(_ loads: [Double], _ previous: Int?, _ policy: StandardCapacityPolicy) -> [Int] {
    let forecast = Forecast(start: Date(timeIntervalSince1970: 0), step: .seconds(60), values: loads, model: "test")
    return policy.plan(forecast, from: CapacityState(replicas: previous)).replicas
  }

  private func with(_ policy: StandardCapacityPolicy, headroom: Double) throws -> StandardCapacityPolicy {
    try StandardCapacityPolicy(
      targetPerPod: policy.targetPerPod, headroom: headroom, minReplicas: policy.minReplicas,
      maxReplicas: policy.maxReplicas, upMaxFactor: policy.upMaxFactor, downMaxPercent: policy.downMaxPercent,
      prewarmSteps: policy.prewarmSteps, rounding: policy.rounding)
  }

  @Test("the bounds are always kept")
  func bounds() throws {
    for each in try cases() {
      let range = each.policy.minReplicas...each.policy.maxReplicas
      #expect(plan(each.loads, each.previous, each.policy).allSatisfy(range.contains))
    }
  }

  @Test("change limits apply between any two steps, unless a bound forces more")
  func limitsOfChange() throws {
    for each in try cases() {
      let policy = each.policy
      var previous = each.previous
      for replicas in plan(each.loads, each.previous, policy) {
        if let previous {
          let most = max(Int(Double(previous) * policy.upMaxFactor), previous + 1, policy.minReplicas)
          let drop = policy.downMaxPercent > 0 ? max(1, Double(previous) * policy.downMaxPercent / 100) : 0
          #expect(replicas <= most)
          #expect(Double(replicas) >= min(Double(previous) - drop, Double(policy.maxReplicas)))
        }
        previous = replicas
      }
    }
  }

  @Test("a higher load never gives fewer replicas")
  func monotoneInLoad() throws {
    var random = SeededGenerator(seed: 11)
    for each in try cases() {
      let more = each.loads.map { $0 + Double.random(in: 0...300, using: &random) }
      let pairs = zip(plan(each.loads, each.previous, each.policy), plan(more, each.previous, each.policy))
      #expect(pairs.allSatisfy { $0 <= $1 })
    }
  }

  @Test("more headroom never gives fewer replicas")
  func monotoneInHeadroom() throws {
    for each in try cases() {
      let more = try with(each.policy, headroom: each.policy.headroom * 1.3)
      let pairs = zip(plan(each.loads, each.previous, each.policy), plan(each.loads, each.previous, more))
      #expect(pairs.allSatisfy { $0 <= $1 })
    }
  }
}
