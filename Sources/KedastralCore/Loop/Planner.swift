#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Turns one forecast after another into plans that go on from each other.
///
///     let plan = try planner.plan([.init(forecast: forecast, history: history)], at: now)
///     try await store.put(plan.snapshot)
///     planner.publish(plan)                // the next plan goes on from this one
///
/// A plan that was not published (its store was away) leaves no trace.
package struct Planner: Sendable {
  /// A plan, and what the next one must know of it.
  package struct Plan: Sendable {
    /// The grid instant at which it begins, and the replicas in force before it.
    fileprivate var start: Date
    fileprivate var previous: Int?
    /// The replicas of each grid step from there, at least one.
    fileprivate var replicas: [Int]
    /// What is stored.
    package let snapshot: Snapshot
    /// What led to it; nil when an earlier process made it.
    package let record: PlanRecord?
  }

  /// What is known of one metric.
  package struct Input {
    /// One step longer than the horizon, since publication falls between two grid instants.
    let forecast: Forecast
    /// What it was made of.
    let history: TimeSeries
    /// How many samples at the end of the history can still change.
    var unsettledCount = 0
    /// The share of the history that was missing, where anyone wants to know: it takes a look at every sample.
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
  /// The levels of the main metric's quantiles that are stored; nil for all that there are.
  private let storedLevels: [Double]?

  /// How good the forecasts of each metric have been lately.
  private(set) var accuracies: [LiveAccuracy]

  /// The plan that was published last.
  package private(set) var inForce: Plan?

  /// Creates a planner of one or more metrics.
  package init(
    workload: WorkloadName, metrics: [(name: String, policy: any CapacityPolicy)], step: Duration, horizonSteps: Int,
    isDryRun: Bool = false, activationThreshold: Double? = nil, bridge: BridgeRule = .never,
    storedLevels: [Double]? = nil
  ) {
    self.workload = workload
    self.metrics = metrics
    self.step = step
    self.horizonSteps = horizonSteps
    self.isDryRun = isDryRun
    self.activationThreshold = activationThreshold
    self.bridge = bridge
    self.storedLevels = storedLevels
    accuracies = Array(repeating: LiveAccuracy(), count: metrics.count)
  }

  init(_ workload: Workload) {
    self.init(
      workload: workload.name, metrics: workload.metrics.map { ($0.name, $0.policy) }, step: workload.step,
      horizonSteps: workload.horizonSteps, isDryRun: workload.isDryRun,
      activationThreshold: workload.activationThreshold, bridge: workload.bridgeRule,
      storedLevels: workload.storedQuantiles(of: workload.metrics[0]))
  }

  /// Plans, going on from the plan in force.
  ///
  /// - Parameters:
  ///   - inputs: what is known of each metric, in their order.
  ///   - problem: what the source's last answer was, when it was an error.
  ///   - now: when the plan is published; not before the forecasts' start.
  /// - Throws: when a policy's plan is defective, or plan and forecast make no consistent snapshot; the plan in force stays.
  package mutating func plan(_ inputs: [Input], problem: String? = nil, at now: Date) throws -> Plan {
    precondition(inputs.count == metrics.count, "one input a metric")
    let start = inputs[0].forecast.start
    let previous = replicas(before: start)
    var parts: [PlanBasis.Metric] = []
    // A plan knows as much of the present as the metric that was measured the longest ago.
    let newestSampleAt = inputs.compactMap { input in
      input.history.lastPresentIndex.map(input.history.instant)
    }.min()
    for (index, input) in inputs.enumerated() {
      accuracies[index].settle(input.history, unsettledCount: input.unsettledCount)
      accuracies[index].remember(input.forecast)
      let state = CapacityState(
        replicas: previous, currentLoad: bridge.currentLoad(of: input.history, at: now),
        forecastError: accuracies[index].relativeError)
      parts.append(
        PlanBasis.Metric(
          name: metrics[index].name, forecast: input.forecast, policy: metrics[index].policy, state: state))
    }
    let main = parts[0]
    let quantiles = storedLevels.map(main.forecast.quantiles.keeping) ?? main.forecast.quantiles
    let composer = SnapshotComposer(forecastStart: start, generatedAt: now, step: step)
    let values = composer.mean(main.forecast.values, steps: horizonSteps)
    let accuracy = accuracies[0].record(of: main.forecast, repairedShare: inputs[0].repairedShare)
    let record = try PlanRecord(PlanBasis(metrics: parts), generatedAt: now, step: step, count: values.count) {
      plan throws(SnapshotError) in
      var snapshot = try Snapshot(
        workload: workload, metric: main.name, generatedAt: now, step: step, horizon: step * horizonSteps,
        values: values, desiredReplicas: plan.steps.map(\.replicas),
        quantiles: quantiles.mapValues { composer.mean($0, steps: horizonSteps) }, plannedLoad: plan.load,
        requiredReplicas: plan.required, bounds: plan.bounds, model: main.forecast.model,
        currentValue: main.state.currentLoad, targetPerPod: plan.targetPerPod, capacityState: main.state,
        activationThreshold: activationThreshold, accuracy: accuracy, reason: plan.reason)
      snapshot.isDryRun = isDryRun
      snapshot.newestSampleAt = newestSampleAt
      snapshot.bridgedUntil = newestSampleAt.flatMap { bridge.bridgedUntil(newestSampleAt: $0, at: now) }
      snapshot.problem = problem
      return snapshot
    }
    return Plan(
      start: start, previous: previous, replicas: record.gridReplicas, snapshot: record.snapshot, record: record)
  }

  /// Makes a plan the one in force.
  package mutating func publish(_ plan: Plan) { inForce = plan }

  /// Takes up the plan that an earlier process stored.
  mutating func resume(from stored: Snapshot) {
    guard let first = stored.desiredReplicas.first else { return }
    inForce = Plan(
      start: stored.generatedAt.floored(to: step),
      previous: stored.capacityState?.replicas ?? first, replicas: stored.desiredReplicas, snapshot: stored, record: nil
    )
  }

  /// Takes up how good the forecasts of a metric were in an earlier process.
  mutating func resume(_ accuracy: LiveAccuracy, ofMetric index: Int) { accuracies[index] = accuracy }

  /// The replicas that a plan beginning at `start` goes on from: what the last plan says for that instant. As long as no new
  /// sample has come, that is where the last plan itself began, so planning twice on the same samples gives the same plan.
  private func replicas(before start: Date) -> Int? {
    guard let inForce else { return nil }
    guard start > inForce.start + step / 2 else { return inForce.previous }
    let steps = Int((start.timeIntervalSince(inForce.start) / step.inSeconds).rounded())
    return inForce.replicas[min(steps, inForce.replicas.count) - 1]
  }
}
