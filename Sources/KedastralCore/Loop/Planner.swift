#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Computes a plan for each new forecast; each plan starts from the previous one.
///
///     let plan = try planner.plan([.init(forecast: forecast, history: history)], at: now)
///     try await store.put(plan.snapshot)
///     planner.publish(plan)                // the next plan starts from this one
/// A plan that was not published (because its store was unavailable) has no effect on later plans.
package struct Planner: Sendable {
  /// A plan, with the state that the next one starts from.
  package struct Plan: Sendable {
    /// The grid instant at which the plan begins, and the replicas in force before it.
    fileprivate var start: Date
    fileprivate var previous: Int?
    /// The replicas of each grid step from there, at least one.
    fileprivate var replicas: [Int]
    /// The snapshot to store.
    package let snapshot: Snapshot
    /// The plan's inputs; nil when an earlier process computed it.
    package let record: PlanRecord?
  }

  /// The inputs for one metric.
  package struct Input {
    /// One step longer than the horizon, since publication falls between two grid instants.
    let forecast: Forecast
    /// The history that it is based on.
    let history: TimeSeries
    /// The number of samples at the end of the history that can still change.
    var unsettledCount = 0
    /// The share of missing samples; optional, because it takes a pass over the whole history.
    var repairedShare: Double?

    package init(forecast: Forecast, history: TimeSeries, unsettledCount: Int = 0, repairedShare: Double? = nil) {
      self.forecast = forecast
      self.history = history
      self.unsettledCount = unsettledCount
      self.repairedShare = repairedShare
    }
  }

  private let workload: WorkloadName
  private let metrics: [(name: String, policy: any CapacityPolicy)]
  private let step: Duration
  private let horizonSteps: Int
  private let isDryRun: Bool
  private let activationThreshold: Double?
  private let bridge: BridgeRule
  /// The levels of the main metric's quantiles to store; nil for all of them.
  private let storedLevels: [Double]?

  /// What was learned about the margin of each metric's objective; nil without one.
  private(set) var objectives: [ObjectiveTracker?]
  /// How far ahead an objective's plan is compared with the load that came.
  private let leadTime: Duration

  /// The recent accuracy of the forecasts of each metric.
  private(set) var accuracies: [LiveAccuracy]

  /// The plan that was published last.
  package private(set) var inForce: Plan?

  /// Creates a planner of one or more metrics.
  package init(
    workload: WorkloadName, metrics: [(name: String, policy: any CapacityPolicy)], step: Duration, horizonSteps: Int,
    isDryRun: Bool = false, activationThreshold: Double? = nil, bridge: BridgeRule = .never,
    storedLevels: [Double]? = nil, leadTime: Duration = .seconds(300)
  ) {
    self.workload = workload
    self.metrics = metrics
    self.step = step
    self.horizonSteps = horizonSteps
    self.isDryRun = isDryRun
    self.activationThreshold = activationThreshold
    self.bridge = bridge
    self.storedLevels = storedLevels
    self.leadTime = leadTime
    accuracies = Array(repeating: LiveAccuracy(), count: metrics.count)
    objectives = metrics.map { $0.policy.objectivePolicy?.objective.map(ObjectiveTracker.init) }
  }

  init(_ workload: Workload) {
    self.init(
      workload: workload.name, metrics: workload.metrics.map { ($0.name, $0.policy) }, step: workload.step,
      horizonSteps: workload.horizonSteps, isDryRun: workload.isDryRun,
      activationThreshold: workload.activationThreshold, bridge: workload.bridgeRule,
      storedLevels: workload.storedQuantiles(of: workload.metrics[0]))
  }

  /// Plans, starting from the plan in force.
  ///
  /// - Parameters:
  ///   - inputs: the inputs for each metric, in their order.
  ///   - problem: the error of the source, if its last request failed.
  ///   - isLearning: whether the forecast is a first one, from the last hours alone.
  ///   - leadTime: the workload's own lead time; nil when it has none.
  ///   - running: the replicas that run, from which the plan starts instead; nil when they are not known.
  ///   - now: the time of publication; not before the forecasts' start.
  /// - Throws: when a policy's plan is defective, or plan and forecast make no consistent snapshot; the plan in force stays.
  package mutating func plan(
    _ inputs: [Input], problem: String? = nil, isLearning: Bool = false, leadTime: WorkloadLeadTime? = nil,
    running: Int? = nil, at now: Date
  ) throws -> Plan {
    precondition(inputs.count == metrics.count, "one input a metric")
    let start = inputs[0].forecast.start
    let previous = running ?? replicas(before: start)
    var parts: [PlanBasis.Metric] = []
    // The age of a plan's samples is that of the metric with the oldest newest sample.
    let newestSampleAt = inputs.compactMap { input in
      input.history.lastPresentIndex.map(input.history.instant)
    }.min()
    for (index, input) in inputs.enumerated() {
      accuracies[index].settle(input.history, unsettledCount: input.unsettledCount)
      accuracies[index].remember(input.forecast)
      var state = CapacityState(
        replicas: previous, currentLoad: bridge.currentLoad(of: input.history, at: now),
        forecastError: accuracies[index].relativeError)
      if let policy = metrics[index].policy.objectivePolicy {
        objectives[index]?.settle(input.history, unsettledCount: input.unsettledCount, policy: policy)
        objectives[index]?.remember(
          input.forecast, leadTime: leadTime?.duration ?? self.leadTime, policy: policy)
        state.objectiveWidth = objectives[index]?.currentWidth
      }
      parts.append(
        PlanBasis.Metric(
          name: metrics[index].name, forecast: input.forecast, policy: metrics[index].policy, state: state,
          objectiveReached: objectives[index]?.reached))
    }
    let main = parts[0]
    let quantiles = storedLevels.map(main.forecast.quantiles.keeping) ?? main.forecast.quantiles
    let composer = SnapshotComposer(forecastStart: start, generatedAt: now, step: step)
    let values = composer.mean(main.forecast.values, steps: horizonSteps)
    let accuracy = accuracies[0].record(of: main.forecast, repairedShare: inputs[0].repairedShare)
    let basis = PlanBasis(metrics: parts)
    let plan = try PublishedPlan(basis, composer, count: values.count)
    var snapshot = try Snapshot(
      workload: workload, metric: main.name, generatedAt: now, step: step, horizon: step * horizonSteps,
      values: values, desiredReplicas: plan.steps.map(\.replicas),
      quantiles: quantiles.mapValues { composer.mean($0, steps: horizonSteps) }, plannedLoad: plan.load,
      requiredReplicas: plan.required, bounds: plan.bounds, model: main.forecast.model,
      currentValue: main.state.currentLoad, targetPerPod: plan.targetPerPod, capacityState: main.state,
      activationThreshold: activationThreshold, accuracy: accuracy, reason: plan.reason)
    snapshot.isDryRun = isDryRun
    snapshot.isLearning = isLearning
    snapshot.newestSampleAt = newestSampleAt
    snapshot.bridgedUntil = newestSampleAt.flatMap { bridge.bridgedUntil(newestSampleAt: $0, at: now) }
    snapshot.problem = problem
    snapshot.leadTime = leadTime
    return Plan(
      start: start, previous: previous, replicas: plan.gridReplicas, snapshot: snapshot,
      record: PlanRecord(snapshot, of: plan, from: basis))
  }

  /// Whether the plan in force says how many replicas there are: it is so young that it has been served until now.
  func isServing(within age: Duration, at now: Date) -> Bool {
    guard let made = inForce?.snapshot.generatedAt else { return false }
    return now.timeIntervalSince(made) <= age.inSeconds
  }

  /// Makes a plan the one in force.
  package mutating func publish(_ plan: Plan) { inForce = plan }

  /// Resumes from the plan that an earlier process stored.
  mutating func resume(from stored: Snapshot) {
    guard let first = stored.desiredReplicas.first else { return }
    inForce = Plan(
      start: stored.generatedAt.floored(to: step),
      previous: stored.capacityState?.replicas ?? first, replicas: stored.desiredReplicas, snapshot: stored, record: nil
    )
  }

  /// Resumes the accuracy of a metric's forecasts from an earlier process.
  mutating func resume(_ accuracy: LiveAccuracy, ofMetric index: Int) { accuracies[index] = accuracy }

  /// Resumes what an earlier process learned about the margin of a metric's objective.
  mutating func resume(_ objective: ObjectiveTracker, ofMetric index: Int) { objectives[index] = objective }

  /// The replicas from which a plan beginning at `start` continues: those of the last plan at that instant. Without a new sample,
  /// this is the start of the last plan, so planning twice on the same samples gives the same plan.
  private func replicas(before start: Date) -> Int? {
    guard let inForce else { return nil }
    guard start > inForce.start + step / 2 else { return inForce.previous }
    let steps = Int((start.timeIntervalSince(inForce.start) / step.inSeconds).rounded())
    return inForce.replicas[min(steps, inForce.replicas.count) - 1]
  }
}
