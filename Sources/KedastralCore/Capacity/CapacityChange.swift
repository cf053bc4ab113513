/// What a policy adds to a forecast to be on the safe side.
public enum CapacityMargin: Sendable, Equatable {
  /// It plans for this quantile of the forecast, in (0, 1).
  case quantile(Double)
  /// It plans for the forecast times this factor.
  case headroom(Double)
  /// It plans for so much that further pods would cost more than the minutes short of pods that they save, which are worth so
  /// many pod-minutes each.
  case shortageCost(Double)
}

/// Settings of a policy to be changed, for a look at what would be: nil leaves one as it is.
///
///     let bolder = try policy.applying(CapacityChange(targetPerPod: 80, margin: .quantile(0.75)))
public struct CapacityChange: Sendable, Equatable {
  /// The load that one pod is meant to serve.
  public var targetPerPod: Double?
  /// What is added to the forecast.
  public var margin: CapacityMargin?
  /// The fewest replicas.
  public var minReplicas: Int?
  /// The most replicas.
  public var maxReplicas: Int?

  /// Creates a change.
  public init(
    targetPerPod: Double? = nil, margin: CapacityMargin? = nil, minReplicas: Int? = nil, maxReplicas: Int? = nil
  ) {
    self.targetPerPod = targetPerPod
    self.margin = margin
    self.minReplicas = minReplicas
    self.maxReplicas = maxReplicas
  }
}
