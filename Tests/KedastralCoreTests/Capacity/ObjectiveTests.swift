import Foundation
import KedastralTesting
import TestSupport
import Testing

@testable import KedastralCore

@Suite("Objective", .numeric)
struct ObjectiveTests {
  private static let start = Date(timeIntervalSince1970: 1_700_000_000)
  private static let minute = Duration.seconds(60)

  /// A forecast of 100 whose quantiles claim a spread of this width: its 0.995 quantile is `100 + spread`.
  private func forecast(from origin: Int, spread: Double, steps: Int = 6, level height: Double = 1) -> Forecast {
    let paths = Quantiles.fineLevels.map { level in
      let value = (100 + spread * (level - 0.5) / 0.495) * height
      return Quantiles.Path(level: level, values: Array(repeating: value, count: steps))
    }
    return Forecast(
      start: Self.start + Self.minute * origin, step: Self.minute, values: Array(repeating: 100 * height, count: steps),
      quantiles: Quantiles(paths), model: "test")
  }

  /// A swing of three hours, so that an autoscaler that ignores small changes has some to follow.
  private static func swing(at minute: Int, of share: Double) -> Double {
    1 + share * sin(2 * .pi * Double(minute) / 180)
  }

  private func policy(_ objective: Double, target: Double = 1, max: Int = 10_000) throws -> StandardCapacityPolicy {
    try StandardCapacityPolicy(
      targetPerPod: target, minReplicas: 0, maxReplicas: max, upMaxFactor: 1000, objective: objective)
  }

  /// Lets a tracker see `loads`, one per minute, each forecast five minutes before; returns the share of the second half that exceeds
  /// what an autoscaler with Kubernetes' defaults makes of the plans.
  private func run(
    _ tracker: inout ObjectiveTracker, _ steady: [Double], spread: Double, swing: Double = 0,
    policy: StandardCapacityPolicy
  ) -> Double {
    let loads = steady.enumerated().map { $1 * Self.swing(at: $0, of: swing) }
    var promised: [Int: Int] = [:]
    var (exceeded, pods) = (0, 0)
    var autoscaler = SimulatedAutoscaler(minReplicas: 0, maxReplicas: policy.maxReplicas)
    for minute in loads.indices {
      let history = TimeSeries(
        start: Self.start + Self.minute * max(0, minute - 20), step: Self.minute,
        values: Array(loads[max(0, minute - 20)...minute]))
      tracker.settle(history, policy: policy)
      let forecast = forecast(from: minute, spread: spread, level: Self.swing(at: minute + 5, of: swing))
      tracker.remember(forecast, leadTime: .seconds(300), policy: policy)
      var state = CapacityState.unknown
      state.objectiveWidth = tracker.currentWidth
      promised[minute + 5] = policy.plan(forecast, from: state).steps[4].replicas
      guard let asked = promised[minute] else { continue }
      let proposal = SimulatedAutoscaler.Proposal(pods: Double(asked), current: pods)
      pods = autoscaler.replicas(for: [proposal], current: pods, sync: minute * SimulatedAutoscaler.syncsPerMinute)
      if minute >= loads.count / 2, loads[minute] > Double(pods) * policy.targetPerPod { exceeded += 1 }
    }
    return Double(exceeded) / Double(loads.count - loads.count / 2)
  }

  private func noise(_ count: Int, scale: Double, seed: UInt64 = 7) -> [Double] {
    var generator = SyntheticLoad.Generator(seed: seed)
    return (0..<count).map { _ in max(0, 100 + scale * generator.noise()) }
  }

  @Test(
    "the share of minutes above the plan comes to what the objective allows, however wrong the forecast's quantiles are",
    arguments: [(0.95, 18.0), (0.95, 120), (0.99, 18), (0.99, 120)])
  func reaches(objective: Double, spread: Double) throws {
    let policy = try policy(objective, target: 5)
    var tracker = ObjectiveTracker(objective: objective)
    let share = run(&tracker, noise(6000, scale: 20), spread: spread, swing: 0.4, policy: policy)
    #expect(share > 0.2 * (1 - objective) && share < 1.6 * (1 - objective), "\(share)")
    let reached = try #require(tracker.reached)
    #expect(abs(reached - objective) < 1.5 * (1 - objective))
  }

  @Test("quantiles that are too narrow widen the margin, and ones that are too wide narrow it")
  func direction() throws {
    let policy = try policy(0.99)
    var (narrow, wide) = (ObjectiveTracker(objective: 0.99), ObjectiveTracker(objective: 0.99))
    _ = run(&narrow, noise(3000, scale: 10), spread: 10, policy: policy)
    _ = run(&wide, noise(3000, scale: 10), spread: 100, policy: policy)
    #expect(narrow.currentWidth > 1.3 && wide.currentWidth < 0.8, "\(narrow.currentWidth) \(wide.currentWidth)")
  }

  @Test("one bad hour raises the margin to its bound at most, and a few days later it is what it was")
  func badHour() throws {
    let policy = try policy(0.99)
    var tracker = ObjectiveTracker(objective: 0.99)
    let usual = noise(3000, scale: 10)
    _ = run(&tracker, usual, spread: 25, policy: policy)
    let before = tracker.currentWidth
    var hour = tracker
    _ = run(&hour, Array(repeating: 5000, count: 60), spread: 25, policy: policy)
    #expect(hour.currentWidth <= ObjectiveTracker.widest)
    var day = noise(8 * 1440, scale: 10, seed: 11)
    day.replaceSubrange(0..<60, with: Array(repeating: 5000, count: 60))
    _ = run(&tracker, day, spread: 25, policy: policy)
    #expect(tracker.currentWidth < before + 0.6, "\(before) → \(tracker.currentWidth)")
  }

  @Test("loads that need more than the maximum do not widen the margin, because no margin serves them")
  func capped() throws {
    let policy = try policy(0.95, max: 120)
    var tracker = ObjectiveTracker(objective: 0.95)
    _ = run(&tracker, Array(repeating: 500, count: 600), spread: 25, policy: policy)
    #expect(tracker.currentWidth <= 1 && tracker.reached == nil)
  }

  @Test("the rounding to whole pods counts: where a pod carries much, the margin becomes narrow")
  func rounding() throws {
    let policy = try policy(0.95, target: 150)
    var tracker = ObjectiveTracker(objective: 0.95)
    _ = run(&tracker, noise(3000, scale: 10), spread: 25, policy: policy)
    #expect(tracker.currentWidth == 0)
  }

  @Test("an objective survives encoding; one of another objective, or a damaged one, is not sound")
  func encoding() throws {
    var tracker = ObjectiveTracker(objective: 0.99)
    _ = run(&tracker, noise(500, scale: 10), spread: 25, policy: try policy(0.99))
    let data = try JSONEncoder().encode(tracker)
    #expect(data.count < 8192)
    let read = try JSONDecoder().decode(ObjectiveTracker.self, from: data)
    #expect(read.currentWidth == tracker.currentWidth && read.isSound(for: 0.99) && !read.isSound(for: 0.95))
    let damaged = String(decoding: data, as: UTF8.self).replacingOccurrences(of: "\"bins\":[", with: "\"bins\":[1,")
    #expect(try !JSONDecoder().decode(ObjectiveTracker.self, from: Data(damaged.utf8)).isSound(for: 0.99))
  }

  @Test("the objective's load is that which the quantiles exceed as rarely as it allows, also beyond the last of them")
  func quantile() throws {
    let forecast = forecast(from: 0, spread: 99)
    func load(_ objective: Double, width: Double = 1) throws -> Double {
      try #require(ObjectiveMargin(forecast, objective: objective, targetPerPod: 10)).load(at: 0, width: width)
    }
    #expect(abs(try load(0.9) - (100 + 99 * 0.4 / 0.495)) < 1e-9)
    #expect(try load(0.999) > load(0.995) && load(0.9999) > load(0.999))
    #expect(try load(0.9, width: 0) == 100)
    // Without any spread, there is still something to widen.
    let still = self.forecast(from: 0, spread: 0)
    #expect(try #require(ObjectiveMargin(still, objective: 0.99, targetPerPod: 50)).load(at: 0, width: 1) == 105)
  }

  @Test("a policy without enough quantiles plans with its headroom, and wrapped policies pass the objective on")
  func fallback() throws {
    let policy = try policy(0.99)
    let bare = Forecast(start: Self.start, step: Self.minute, values: [100], model: "test")
    #expect(policy.plan(bare, from: .unknown).steps[0].margin == .headroom(1.2))
    #expect(AccuracyGate(policy, largestError: 1).objectivePolicy?.objective == 0.99)
    #expect(ScheduledBounds(policy, rules: []).objectivePolicy?.objective == 0.99)
    #expect(try StandardCapacityPolicy(targetPerPod: 1).objectivePolicy == nil)
    #expect(throws: StandardCapacityPolicy.InvalidSetting.self) { try self.policy(0.4) }
  }
}
