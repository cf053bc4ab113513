#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The inputs of a plan: for each metric of the workload a forecast, a policy, and the initial state.
package struct PlanBasis: Sendable {
  /// One metric's part.
  package struct Metric: Sendable {
    /// The metric's name.
    package var name: String
    /// The forecast, on the grid of samples.
    package var forecast: Forecast
    /// What turns it into replicas.
    package var policy: any CapacityPolicy
    /// Where the plan begins.
    package var state: CapacityState
    /// The share of the last days' loads for which the plan sufficed, with an objective.
    var objectiveReached: Double?
  }

  /// The metrics; the first one is the workload's main metric. Never empty.
  package var metrics: [Metric]

  /// The plan: of several metrics the largest need at each step.
  ///
  /// - Throws: ``InvalidPlan`` when a policy's plan has a ``CapacityPlan/defect(for:)``.
  package func plan() throws(InvalidPlan) -> CapacityPlan {
    var plans: [(CapacityPlan, Double)] = []
    for metric in metrics {
      plans.append((try metric.policy.checkedPlan(metric.forecast, from: metric.state), metric.policy.targetPerPod))
    }
    return plans.count == 1 ? plans[0].0 : .largest(of: plans)
  }

  /// The same with the policies changed; a changed target is that of the first metric.
  ///
  /// - Returns: nil when a policy has no such settings.
  /// - Throws: when a changed setting is invalid.
  package func applying(_ change: CapacityChange) throws -> PlanBasis? {
    var changed = self
    for index in metrics.indices {
      var part = change
      if index > 0 { part.targetPerPod = nil }
      guard let policy = try (metrics[index].policy as? any AdjustableCapacityPolicy)?.applying(part) else {
        return nil
      }
      changed.metrics[index].policy = policy
    }
    return changed
  }
}

/// A snapshot together with its inputs, so that it can be explained and planned again under other settings.
///
///     if let record = await loop.record {
///       print(PlanExplanation(record, leadTime: .seconds(300), at: now).text)
///       let bolder = try record.whatIf(CapacityChange(margin: .headroom(1.1)))
///     }
package struct PlanRecord: Sendable {
  /// The snapshot.
  package let snapshot: Snapshot
  /// The inputs of the plan.
  package let basis: PlanBasis
  /// The details of each of the snapshot's steps.
  package let steps: [CapacityPlan.Step]
  /// The replicas of each step of the forecasts' grid.
  let gridReplicas: [Int]

  /// Records how the snapshot's plan was computed.
  init(_ snapshot: Snapshot, of plan: PublishedPlan, from basis: PlanBasis) {
    self.snapshot = snapshot
    self.basis = basis
    steps = plan.steps
    gridReplicas = plan.gridReplicas
  }

  /// The plan for the same forecasts under changed policies. Nothing is stored.
  ///
  /// - Returns: nil when a policy has no such settings.
  /// - Throws: when a changed setting is invalid.
  package func whatIf(_ change: CapacityChange) throws -> PlanRecord? {
    try basis.applying(change).map { basis in
      let composer = SnapshotComposer(
        forecastStart: basis.metrics[0].forecast.start, generatedAt: snapshot.generatedAt, step: snapshot.step)
      let plan = try PublishedPlan(basis, composer, count: snapshot.values.count)
      return PlanRecord(try snapshot.replacingPlan(by: plan), of: plan, from: basis)
    }
  }
}

/// A plan on the time axis of a snapshot: its steps count from the publication.
struct PublishedPlan {
  let steps: [CapacityPlan.Step]
  /// The replicas that each step requires, before any limit.
  let required: [Int]
  /// The load that each step is planned for.
  let load: [Double]
  let bounds: ClosedRange<Int>?
  let targetPerPod: Double
  /// Why the forecast and the plan look as they do.
  let reason: String?
  /// The replicas of each step of the forecasts' grid.
  let gridReplicas: [Int]

  /// Plans what the basis says, for `count` steps.
  init(_ basis: PlanBasis, _ composer: SnapshotComposer, count: Int) throws(InvalidPlan) {
    let plan = try basis.plan()
    let main = basis.metrics[0]
    steps = composer.larger(plan.steps, steps: count) { $0.replicas >= $1.replicas }
    required = composer.maximum(plan.steps.map(\.need), steps: count)
    load = composer.maximum(plan.loads, steps: count)
    bounds = plan.bounds
    targetPerPod = main.policy.targetPerPod
    let reasons = [main.forecast.reason, plan.reason].compactMap(\.self)
    reason = reasons.isEmpty ? nil : reasons.joined(separator: "; ")
    gridReplicas = plan.replicas
  }
}

extension Snapshot {
  /// The same forecast with another plan.
  fileprivate func replacingPlan(by plan: PublishedPlan) throws(SnapshotError) -> Snapshot {
    var snapshot = self
    snapshot.desiredReplicas = plan.steps.map(\.replicas)
    snapshot.requiredReplicas = plan.required
    snapshot.plannedLoad = plan.load
    snapshot.minReplicas = plan.bounds?.lowerBound
    snapshot.maxReplicas = plan.bounds?.upperBound
    snapshot.targetPerPod = plan.targetPerPod
    snapshot.reason = plan.reason
    try snapshot.check()
    return snapshot
  }
}
