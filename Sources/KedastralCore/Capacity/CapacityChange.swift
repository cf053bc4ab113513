/// The safety margin that a policy adds to a forecast.
public enum CapacityMargin: Sendable, Equatable {
  /// It plans for this quantile of the forecast, in (0, 1).
  case quantile(Double)
  /// It plans for the forecast times this factor.
  case headroom(Double)
  /// It plans the number of pods with the least expected cost, where a minute with too few pods costs this many pod-minutes.
  case shortageCost(Double)
  /// It plans so that the pods suffice in this share of the minutes, in (0.5, 1).
  case objective(Double)

  /// Whether it needs the distribution of the load, which at least three quantiles describe.
  package var weighsDistribution: Bool {
    switch self {
    case .quantile, .headroom: false
    case .shortageCost, .objective: true
    }
  }
}

/// Changed settings of a policy for a what-if plan; nil keeps a setting.
///
///     let bolder = try policy.applying(CapacityChange(targetPerPod: 80, margin: .quantile(0.75)))
public struct CapacityChange: Sendable, Equatable {
  /// The load that one pod should serve.
  public var targetPerPod: Double?
  /// The safety margin.
  public var margin: CapacityMargin?
  /// The minimum replicas.
  public var minReplicas: Int?
  /// The maximum replicas.
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
