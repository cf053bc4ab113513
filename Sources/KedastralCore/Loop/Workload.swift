/// An application to forecast: where its load comes from, how it is forecast, and how the forecast becomes replicas.
///
///     let shop = try Workload("shop", metric: "customers", source: tills, model: .auto, policy: .standard(targetPerPod: 20))
public struct Workload: Sendable {
  /// The name.
  public var name: WorkloadName
  /// The metric's human-readable name.
  public var metric: String
  /// Where the load comes from.
  public var source: any MetricSource
  /// How it is forecast.
  public var model: any Model
  /// How the forecast becomes replicas.
  public var policy: any CapacityPolicy
  /// Further metrics, each planned for on its own; the plan is the largest need. They share the times below.
  public var otherMetrics: [LoadMetric]
  /// The distance of two samples.
  public var step: Duration
  /// How far to look ahead.
  public var horizon: Duration
  /// How often to forecast.
  public var interval: Duration
  /// How much history to keep, as far as the source has it.
  public var window: Duration
  /// The quantile levels that are stored with each forecast, in addition to those of the policy.
  public var quantileLevels: [Double]
  /// Whether this is a dry run: plans are computed, stored and shown, but not served.
  public var isDryRun: Bool
  /// The planned load above which the workload is active, for triggers that do not say; nil: whenever its plan is fresh.
  public var activationThreshold: Double?
  /// How long after its instant a sample can still change and is read again; nil for five minutes or three steps, whichever
  /// is more.
  public var settleTime: Duration?
  /// The age of the newest sample from which a plan counts as bridged by the forecast; nil for ten minutes or five steps,
  /// whichever is more.
  public var maxSampleAge: Duration?
  /// How long a bridged plan is served as fresh, at most the horizon; nil for thirty minutes.
  public var bridgeTime: Duration?
  /// Where the lead time for triggers without one comes from; nil for the scaler's.
  package var leadTime: LeadTimeRule?
  /// Where the number of its ready pods comes from; nil when it is unknown. Plans do not depend on it.
  package var realPods: (any MetricSource)?
  /// Counts the pods of its target; nil when they cannot be read.
  package var pods: (any PodCounter)?
  /// How long the source may take to answer.
  public var collectDeadline: Duration
  /// How long the store may take to answer.
  public var storeDeadline: Duration

  /// Describes a workload; the other properties have the daemons' defaults and can be set afterwards.
  ///
  /// - Parameters:
  ///   - name: the name, which is also the key of its plan in a store.
  ///   - metric: the metric's human-readable name and unit.
  ///   - source: where the load comes from.
  ///   - model: how the load is forecast.
  ///   - policy: how a forecast becomes replicas.
  ///   - step: the distance of two samples and of two steps of the plan.
  ///   - horizon: how far to look ahead.
  ///   - interval: how often to forecast.
  ///   - window: how much history to keep, as far as the source has it.
  /// - Throws: ``InvalidWorkloadName`` naming the text.
  public init(
    _ name: String, metric: String, source: some MetricSource, model: some Model, policy: some CapacityPolicy,
    step: Duration = .seconds(60), horizon: Duration = .seconds(1800), interval: Duration = .seconds(30),
    window: Duration = .seconds(8 * 86_400)
  ) throws(InvalidWorkloadName) {
    self.init(
      name: try WorkloadName(name), metric: metric, source: source, model: model, policy: policy, step: step,
      horizon: horizon, interval: interval, window: window)
  }

  /// Describes a workload with all that can be set.
  package init(
    name: WorkloadName, metric: String, source: any MetricSource, model: any Model, policy: any CapacityPolicy,
    otherMetrics: [LoadMetric] = [], step: Duration = .seconds(60), horizon: Duration = .seconds(1800),
    interval: Duration = .seconds(30),
    window: Duration = .seconds(8 * 86_400), quantileLevels: [Double] = [0.5, 0.75, 0.9, 0.95, 0.99],
    isDryRun: Bool = false, activationThreshold: Double? = nil, settleTime: Duration? = nil,
    maxSampleAge: Duration? = nil, bridgeTime: Duration? = nil, leadTime: LeadTimeRule? = nil,
    realPods: (any MetricSource)? = nil,
    pods: (any PodCounter)? = nil, collectDeadline: Duration = .seconds(15),
    storeDeadline: Duration = .seconds(5)
  ) {
    self.name = name
    self.metric = metric
    self.source = source
    self.model = model
    self.policy = policy
    self.otherMetrics = otherMetrics
    self.step = step
    self.horizon = horizon
    self.interval = interval
    self.window = window
    self.quantileLevels = quantileLevels
    self.isDryRun = isDryRun
    self.activationThreshold = activationThreshold
    self.settleTime = settleTime
    self.maxSampleAge = maxSampleAge
    self.bridgeTime = bridgeTime
    self.leadTime = leadTime
    self.realPods = realPods
    self.pods = pods
    self.collectDeadline = collectDeadline
    self.storeDeadline = storeDeadline
  }

  /// How many steps the horizon has, at least one.
  public var horizonSteps: Int { max(1, horizon.steps(of: step)) }

  /// How many samples the window has, at least two.
  public var windowSteps: Int { max(2, window.steps(of: step)) }

  /// How long after its instant a source's sample can still change: less where it cannot be read again after this process.
  func settleTime(of source: any MetricSource) -> Duration {
    if let settleTime { return settleTime }
    let hasPast = (source as? any IdentifiedSource)?.hasPast ?? true
    return hasPast ? max(.seconds(300), step * 3) : max(.seconds(120), step)
  }

  /// The age from which a plan does not say any more how many replicas there are: it has not been served for a while.
  var planAge: Duration { max(.seconds(120), interval * 2) }

  /// When a plan counts as bridged, and for how long it is served then.
  var bridgeRule: BridgeRule {
    BridgeRule(
      maxSampleAge: maxSampleAge ?? max(.seconds(600), step * 5),
      bridgeTime: min(bridgeTime ?? .seconds(1800), horizon))
  }

  /// All metrics, the main one first.
  public var metrics: [LoadMetric] {
    [LoadMetric(name: metric, source: source, model: model, policy: policy)] + otherMetrics
  }

  /// The levels to ask a metric's model for, ascending.
  func wantedQuantiles(of metric: LoadMetric) -> [Double] {
    Set(quantileLevels + metric.policy.requiredQuantiles).sorted()
  }

  /// The levels that snapshots hold.
  func storedQuantiles(of metric: LoadMetric) -> [Double] {
    // A policy that weighs many quantiles would make snapshots several times as large.
    let required = metric.policy.requiredQuantiles
    return quantileLevels + (required.count <= 4 ? required : [])
  }
}
