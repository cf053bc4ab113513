#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Computes replicas from a forecast.
///
/// A policy is a pure value, so it can be tested with a table:
///
///     let policy = StandardCapacityPolicy(targetPerPod: 50, headroom: 1.2)
///     let plan = policy.plan(forecast, from: .unknown)
///     #expect(plan.replicas == [3, 5, 5])
public protocol CapacityPolicy: Sendable {
  /// The load that one pod should serve, in the metric's unit; `mode: load` reports it as the target.
  var targetPerPod: Double { get }

  /// The quantile levels that the plan needs, in (0, 1); by default none. The model is asked for them.
  var requiredQuantiles: [Double] { get }

  /// Plans replicas for every step of `forecast`.
  ///
  /// A plan with a ``CapacityPlan/defect(for:)`` is refused; the previous one then stays in force.
  func plan(_ forecast: Forecast, from state: CapacityState) -> CapacityPlan
}

/// A policy that can plan with changed settings, for a what-if plan.
public protocol AdjustableCapacityPolicy: CapacityPolicy {
  /// The same policy with some settings changed; nil when it has no such settings.
  /// - Throws: when a changed setting is invalid.
  func applying(_ change: CapacityChange) throws -> (any CapacityPolicy)?
}

extension CapacityPolicy {
  public var requiredQuantiles: [Double] { [] }

  /// The checked plan, as long as the forecast.
  /// - Throws: ``InvalidPlan`` when the plan or the target per pod is invalid.
  package func checkedPlan(_ forecast: Forecast, from state: CapacityState) throws(InvalidPlan) -> CapacityPlan {
    guard targetPerPod.isFinite, targetPerPod > 0 else {
      throw InvalidPlan(policy: self, problem: "targetPerPod is \(targetPerPod); expected more than 0")
    }
    var plan = plan(forecast, from: state)
    if let defect = plan.defect(for: forecast) { throw InvalidPlan(policy: self, problem: defect) }
    plan.steps.removeLast(plan.steps.count - forecast.values.count)
    return plan
  }
}

/// An invalid plan of a policy.
public struct InvalidPlan: Error, CustomStringConvertible {
  /// The policy and the problem with its plan.
  public let description: String

  init(policy: any CapacityPolicy, problem: String) { description = "policy \(type(of: policy)): \(problem)" }
}

/// The initial state of a plan: the replicas in the step before its first one.
public struct CapacityState: Sendable, Equatable, Codable {
  /// The replicas in force, or nil when they are unknown: then nothing limits the plan's first step.
  public var replicas: Int?
  /// The current load, when it is known, as used by a reactive autoscaler.
  public var currentLoad: Double?

  /// The recent forecast error, as a share of the load, when it is known: 0.2 is a fifth.
  public var forecastError: Double?

  /// The unknown state, for the first plan of a new workload.
  public static let unknown = CapacityState()

  /// Creates a state.
  public init(replicas: Int? = nil, currentLoad: Double? = nil, forecastError: Double? = nil) {
    self.replicas = replicas
    self.currentLoad = currentLoad
    self.forecastError = forecastError
  }
}

/// Replicas for every step of a forecast, with the reasons for them.
public struct CapacityPlan: Sendable, Equatable {
  /// More pods than any cluster has; sums of such numbers still fit an `Int`.
  static let mostReplicas = 1_000_000_000

  /// One step of a plan.
  public struct Step: Sendable, Equatable {
    /// The load planned for: the quantile, or the value with headroom.
    public var load: Double
    /// The replicas that the load needs, before any limit.
    public var need: Int
    /// The replicas planned.
    public var replicas: Int
    /// The limits that changed `need` to `replicas`, and other changes to the load or the need.
    public var adjustments: Set<Adjustment>
    /// The margin between the forecast and the planned load, when the policy reports it.
    public var margin: CapacityMargin?
    /// The index of the metric with the largest need.
    public var metric = 0

    /// Creates a step.
    public init(
      load: Double, need: Int, replicas: Int, adjustments: Set<Adjustment> = [], margin: CapacityMargin? = nil
    ) {
      self.load = load
      self.need = need
      self.replicas = replicas
      self.adjustments = adjustments
      self.margin = margin
    }
  }

  /// A reason why the planned replicas differ from the need, or the planned load from the forecast.
  public enum Adjustment: String, Sendable, Codable, CaseIterable {
    /// The minimum raised the replicas.
    case minimum
    /// The maximum reduced the replicas.
    case maximum
    /// The growth limit per step reduced the replicas.
    case growth
    /// The shrinkage limit per step kept the replicas up.
    case shrinkage
    /// The current load was used instead of a lower forecast.
    case reactiveFloor
    /// A schedule's minimum raised the replicas.
    case scheduledMinimum
    /// A schedule's maximum reduced the replicas.
    case scheduledMaximum
    /// A higher load of the following steps was used.
    case prewarm
    /// The current load was used because the recent forecast error was too large.
    case accuracyGate
  }

  /// The steps, as many as the forecast has.
  public var steps: [Step]
  /// A sentence for the operator about special decisions of the policy.
  public var reason: String?
  /// The minimum and the maximum replicas that the policy allows at any step; nil when it has no such bounds.
  public var bounds: ClosedRange<Int>?

  /// Creates a plan.
  public init(steps: [Step], reason: String? = nil, bounds: ClosedRange<Int>? = nil) {
    self.steps = steps
    self.reason = reason
    self.bounds = bounds
  }

  /// The problem with the plan for `forecast`, in one line, or nil when it can be stored and served.
  public func defect(for forecast: Forecast) -> String? {
    let needed = forecast.values.count
    if steps.isEmpty { return "the plan is empty; expected \(needed) steps, as many as the forecast has" }
    if steps.count < needed {
      return "the plan has \(steps.count) steps; expected \(needed), as many as the forecast has"
    }
    for (index, step) in steps.enumerated() {
      for (name, count) in [("replicas", step.replicas), ("need", step.need)]
      where !(0...CapacityPlan.mostReplicas).contains(count) {
        return "the plan's \(name) are \(count) at step \(index); expected 0 to \(CapacityPlan.mostReplicas)"
      }
      if !step.load.isFinite || step.load < 0 {
        return "the plan's load is \(step.load) at step \(index); expected a finite number from 0"
      }
    }
    return nil
  }

  /// The replicas of each step.
  public var replicas: [Int] { steps.map(\.replicas) }

  /// The planned load of each step.
  public var loads: [Double] { steps.map(\.load) }
}
