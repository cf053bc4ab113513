#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Turns one forecast after another into plans that go on from each other.
///
///     let plan = planner.plan(forecast, newest: .init(load: 120, instant: noon), at: now)
///     try await store.put(plan.snapshot)
///     planner.publish(plan)                // the next plan goes on from this one
///
/// A plan that was not published (its store was away) leaves no trace.
struct Planner: Sendable {
  /// A plan, and what the next one must know of it.
  struct Plan: Sendable {
    /// The grid instant at which it begins, and the state then.
    fileprivate var start: Date
    fileprivate var state: CapacityState
    /// The replicas of each grid step from there, at least one.
    fileprivate var replicas: [Int]
    /// What is stored.
    let snapshot: Snapshot
  }

  /// A load and the end of the step in which it was measured.
  struct Measurement {
    var load: Double
    var instant: Date
    /// The load a day before, where that is known.
    var dayBefore: Double?
  }

  private let workload: WorkloadName
  private let metric: String
  private let policy: any CapacityPolicy
  private let step: Duration
  private let horizonSteps: Int
  private let isDryRun: Bool

  /// How good the forecasts have been lately.
  private var accuracy = LiveAccuracy()

  /// The plan that was published last.
  private(set) var inForce: Plan?

  init(
    workload: WorkloadName, metric: String, policy: any CapacityPolicy, step: Duration, horizonSteps: Int,
    isDryRun: Bool = false
  ) {
    self.workload = workload
    self.metric = metric
    self.policy = policy
    self.step = step
    self.horizonSteps = horizonSteps
    self.isDryRun = isDryRun
  }

  init(_ workload: Workload) {
    self.init(
      workload: workload.name, metric: workload.metric, policy: workload.policy, step: workload.step,
      horizonSteps: workload.horizonSteps, isDryRun: workload.isDryRun)
  }

  /// Plans, going on from the plan in force.
  ///
  /// - Parameters:
  ///   - forecast: one step longer than the horizon, since publication falls between two grid instants.
  ///   - repairedShare: the share of the history that was missing.
  ///   - newest: the newest sample that is present.
  ///   - now: when the plan is published; not before the forecast's start.
  mutating func plan(_ forecast: Forecast, repairedShare: Double? = nil, newest: Measurement?, at now: Date) -> Plan {
    if let newest { accuracy.observe(newest.load, at: newest.instant, dayBefore: newest.dayBefore) }
    accuracy.remember(forecast)
    var state = capacityState(at: forecast.start, currentLoad: newest?.load)
    state.forecastError = accuracy.relativeError
    let plan = policy.plan(forecast, from: state)
    let composer = SnapshotComposer(forecastStart: forecast.start, generatedAt: now, step: step)
    var snapshot = Snapshot(
      workload: workload, metric: metric, generatedAt: now, step: step, horizon: step * horizonSteps,
      values: composer.mean(forecast.values, steps: horizonSteps),
      desiredReplicas: composer.maximum(plan.replicas, steps: horizonSteps),
      quantiles: forecast.quantiles.mapValues { composer.mean($0, steps: horizonSteps) },
      plannedLoad: composer.maximum(plan.loads, steps: horizonSteps), model: forecast.model,
      currentValue: state.currentLoad, targetPerPod: policy.targetPerPod, capacityState: state,
      accuracy: accuracy.record(repairedShare: repairedShare),
      reason: [forecast.reason, plan.reason].compactMap(\.self).joinedReasons)
    snapshot.isDryRun = isDryRun
    return Plan(start: forecast.start, state: state, replicas: plan.replicas, snapshot: snapshot)
  }

  /// Makes a plan the one in force.
  mutating func publish(_ plan: Plan) { inForce = plan }

  /// Takes up the plan that an earlier process stored.
  mutating func resume(from stored: Snapshot) {
    guard let first = stored.desiredReplicas.first else { return }
    inForce = Plan(
      start: stored.generatedAt.floored(to: step),
      state: CapacityState(replicas: stored.capacityState?.replicas ?? first),
      replicas: stored.desiredReplicas, snapshot: stored)
  }

  /// Where a plan that begins at `start` goes on from: what the last plan says for that instant. As long as no new sample
  /// has come, that is where the last plan itself began, so planning twice on the same samples gives the same plan.
  private func capacityState(at start: Date, currentLoad: Double?) -> CapacityState {
    guard let inForce else { return CapacityState(currentLoad: currentLoad) }
    guard start > inForce.start + step / 2 else {
      return CapacityState(replicas: inForce.state.replicas, currentLoad: currentLoad)
    }
    let steps = Int((start.timeIntervalSince(inForce.start) / step.inSeconds).rounded())
    return CapacityState(replicas: inForce.replicas[min(steps, inForce.replicas.count) - 1], currentLoad: currentLoad)
  }
}

extension [String] {
  /// One sentence after the other; nil of none.
  fileprivate var joinedReasons: String? { isEmpty ? nil : joined(separator: "; ") }
}

extension TimeSeries {
  /// The newest sample that is present, with the one a day before it.
  var newestMeasurement: Planner.Measurement? {
    lastPresentIndex.map { last in
      let before = index(nearest: instant(at: last) - .seconds(86_400))
      return Planner.Measurement(
        load: values[last], instant: instant(at: last),
        dayBefore: values.indices.contains(before) && values[before].isFinite ? values[before] : nil)
    }
  }
}
