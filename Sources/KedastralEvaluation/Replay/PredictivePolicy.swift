import KedastralCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Kedastral's production code in a simulated cluster.
///
/// Each new forecast becomes a plan by the capacity policy, the plan a snapshot, and at each sync the snapshot gives
/// the response for a trigger with this lead time; a HorizontalPodAutoscaler then applies the response with its own
/// tolerance and behaviour. For a stale snapshot there is no response, and the replicas do not change.
public struct PredictivePolicy: ReplayPolicy {
  /// The age from which a snapshot is stale.
  static let staleAfter: Duration = .seconds(120)

  public let name: String
  public let forecastNeed: ForecastNeed?
  /// The trigger's request.
  package let question: ScalingQuestion
  private let step: Duration
  private let levels: [Double]
  private let reactiveTarget: Double?
  private var planner: Planner
  private var autoscaler: HorizontalAutoscaler

  /// Creates a policy whose trigger requests replicas one lead time ahead.
  ///
  /// - Parameters:
  ///   - model: the model.
  ///   - policy: the policy that computes replicas from the forecast.
  ///   - leadTime: how far ahead replicas are requested.
  ///   - step: the forecaster's step.
  public init(
    model: any Model, policy: any CapacityPolicy, leadTime: Duration = .seconds(300), step: Duration = .seconds(60)
  ) throws {
    try self.init(model: model, policy: policy, question: ScalingQuestion(leadTime: leadTime), step: step)
  }

  /// Creates a policy with all that can be set.
  ///
  /// - Parameters:
  ///   - name: the name in tables.
  ///   - model: the model.
  ///   - policy: the policy that computes replicas from the forecast.
  ///   - question: lead time, mode and selection, as in a trigger's metadata.
  ///   - step: the forecaster's step.
  ///   - horizon: the forecaster's horizon, when it is longer than the lead time requires: the forecast error is measured five
  ///     minutes ahead.
  ///   - prewarmSteps: the number of following steps whose load the policy includes in each step.
  ///   - reactiveTarget: the load a pod should serve, for a second trigger that scales by the current load; nil for none.
  package init(
    name: String = "kedastral", model: any Model, policy: any CapacityPolicy, question: ScalingQuestion,
    step: Duration = .seconds(60), horizon: Duration = .zero, prewarmSteps: Int = 0,
    reactiveTarget: Double? = nil, behavior: HorizontalAutoscaler.Behavior = .init()
  ) throws {
    // One step more than the lead time: until the next forecast, the lead time extends beyond the first steps.
    func steps(in duration: Duration) -> Int { Int((duration.inSeconds / step.inSeconds - 1e-9).rounded(.up)) }
    let horizonSteps = max(steps(in: question.leadTime) + 1 + prewarmSteps, steps(in: horizon))
    self.name = name
    self.question = question
    self.step = step
    self.reactiveTarget = reactiveTarget
    levels = policy.requiredQuantiles
    forecastNeed = ForecastNeed(model: model, horizon: step * (horizonSteps + 1), quantileLevels: levels)
    planner = Planner(
      workload: try WorkloadName("replay"), metrics: [("load", policy)], step: step, horizonSteps: horizonSteps,
      leadTime: question.leadTime)
    autoscaler = HorizontalAutoscaler(behavior)
  }

  public mutating func receive(_ forecast: Forecast, from history: TimeSeries, at now: Date) throws {
    // Quantiles that other policies request from a shared forecast are ignored.
    var forecast = forecast
    forecast.quantiles = forecast.quantiles.keeping(levels)
    planner.publish(try planner.plan([.init(forecast: forecast, history: history)], at: now))
  }

  public mutating func desiredReplicas(_ view: ReplayView) -> Int {
    let current = view.orderedPods
    let planned = answer(at: view.now).map { HorizontalAutoscaler.Proposal(pods: $0, current: current) }
    guard let reactiveTarget, view.observedLoad.isFinite else {
      return planned.map { autoscaler.replicas(for: $0, current: current, sync: view.sync) } ?? current
    }
    let present = HorizontalAutoscaler.Proposal(pods: view.observedLoad / reactiveTarget, current: current)
    // Kubernetes does not scale down while one of several metrics is missing.
    guard let planned else { return max(current, autoscaler.replicas(for: present, current: current, sync: view.sync)) }
    return autoscaler.replicas(for: planned, present, current: current, sync: view.sync)
  }

  /// The pods of the trigger's response; nil when the snapshot is stale or missing.
  private func answer(at now: Date) -> Double? {
    guard let snapshot = planner.inForce?.snapshot, snapshot.age(at: now) <= max(Self.staleAfter, step * 2),
      let answer = snapshot.answer(question, at: now)
    else { return nil }
    return answer.value
  }
}
