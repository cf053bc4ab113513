import KedastralCore

/// Everything about one workload: where its load comes from, how it is forecast, and how replicas follow from it.
public struct WorkloadConfiguration: Sendable, Equatable {
  /// The name by which KEDA asks for it.
  public var name: WorkloadName
  /// What the load is called.
  public var metric: String
  /// Where the load comes from.
  public var source: SourceConfiguration
  /// What forecasts it.
  public var model: ModelConfiguration
  /// How replicas follow from the forecast.
  public var policy: PolicyConfiguration
  /// How far ahead to forecast; at least one step.
  public var horizon: Duration
  /// The length of a step of history and forecast; at least a second.
  public var step: Duration
  /// The time between two forecasts; positive.
  public var interval: Duration
  /// How much history to learn from; at least two steps.
  public var window: Duration
  /// How long after its instant a sample can still change; nil for five minutes or three steps.
  public var settleTime: Duration?
  /// The age of the newest sample from which a plan counts as bridged; nil for ten minutes or five steps.
  public var maxSampleAge: Duration?
  /// How long a bridged plan is served, at most the horizon.
  public var bridge: Duration = .seconds(1800)
  /// The name of the time zone in which its days begin, such as `Europe/Berlin`; one that this machine knows.
  public var timeZone: String
  /// Whether it is a dry run: its plan is computed and shown, but not served.
  public var isDryRun = false
  /// Further metrics; the plan is the largest need.
  public var otherMetrics: [MetricConfiguration] = []
}

/// One more metric of a workload.
public struct MetricConfiguration: Sendable, Equatable {
  /// What the load is called.
  public var metric: String
  /// Where it comes from.
  public var source: SourceConfiguration
  /// What forecasts it.
  public var model: ModelConfiguration
  /// How replicas follow from the forecast.
  public var policy: PolicyConfiguration
}

/// The model that forecasts a workload.
public struct ModelConfiguration: Sendable, Equatable {
  /// Its name, one of the names that the host knows.
  public var name: String
  /// The orders of an ARIMA or SARIMA model; nil parts are chosen automatically.
  public var orders: ARIMAOrders
  /// The service that forecasts, of the model `byom`.
  public var byomURL: WebURL?
}

/// The orders (p, d, q)(P, D, Q)s of a seasonal ARIMA model (Box and Jenkins, 1970); nil where the model chooses.
public struct ARIMAOrders: Sendable, Equatable {
  /// The order of the autoregression, p.
  public var autoregression: Int?
  /// The order of differencing, d.
  public var differencing: Int?
  /// The order of the moving average, q.
  public var movingAverage: Int?
  /// The seasonal order of the autoregression, P.
  public var seasonalAutoregression: Int?
  /// The seasonal order of differencing, D.
  public var seasonalDifferencing: Int?
  /// The seasonal order of the moving average, Q.
  public var seasonalMovingAverage: Int?
  /// The steps in a season, s.
  public var seasonSteps: Int?

  /// Everything is chosen automatically.
  public static let automatic = ARIMAOrders()
}

/// How replicas follow from a forecast.
public struct PolicyConfiguration: Sendable, Equatable {
  /// The load that one pod is meant to serve; positive.
  public var targetPerPod: Double
  /// The factor on the forecast when there is no quantile; positive.
  public var headroom: Double
  /// The quantile of the forecast to plan for, in (0, 1); nil to plan by headroom.
  public var quantileLevel: Double?
  /// The pod-minutes that a minute with too few pods is worth; nil to plan by quantile or headroom.
  public var shortageCost: Double?
  /// The least replicas; not negative.
  public var minReplicas: Int
  /// The most replicas; at least one and at least the least.
  public var maxReplicas: Int
  /// The most growth in a step, as a factor; at least 1.
  public var upMaxFactor: Double
  /// The most shrinkage in a step, in percent, 0 to 100.
  public var downMaxPercent: Double
  /// How many steps after a step count into its load; not negative.
  public var prewarmSteps: Int
  /// How a fraction of a pod is rounded.
  public var rounding: StandardCapacityPolicy.Rounding
  /// Whether the plan is never below what the current load needs.
  public var reactiveFloor: Bool
  /// The largest mean error of recent forecasts, as a share of the load, with which they are planned for; nil for any.
  public var accuracyGate: Double?
  /// The planned load above which the workload is active, where a trigger does not say; nil: whenever its plan is fresh.
  public var activationThreshold: Double?
  /// Bounds that hold at known times, in the workload's time zone.
  public var schedules: [ScheduledBounds.Rule] = []
}
