/// One metric of a workload: its source, its model and its capacity policy.
public struct LoadMetric: Sendable {
  /// The metric's human-readable name.
  public var name: String
  /// The source of the load.
  public var source: any MetricSource
  /// The model.
  public var model: any Model
  /// The policy that computes replicas from the forecast.
  public var policy: any CapacityPolicy

  /// Describes a metric.
  public init(name: String, source: any MetricSource, model: any Model, policy: any CapacityPolicy) {
    self.name = name
    self.source = source
    self.model = model
    self.policy = policy
  }
}
