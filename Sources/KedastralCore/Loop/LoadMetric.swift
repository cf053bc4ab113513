/// One metric of a workload: where its load comes from, how it is forecast, and how replicas follow from it.
public struct LoadMetric: Sendable {
  /// The metric's name, for people.
  public var name: String
  /// Where the load comes from.
  public var source: any MetricSource
  /// How it is forecast.
  public var model: any Model
  /// How the forecast becomes replicas.
  public var policy: any CapacityPolicy

  /// Describes a metric.
  public init(name: String, source: any MetricSource, model: any Model, policy: any CapacityPolicy) {
    self.name = name
    self.source = source
    self.model = model
    self.policy = policy
  }
}
