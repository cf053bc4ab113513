import KedastralCore
import KedastralHTTP
import KedastralModels

/// The settings of one workload: its source, model and capacity policy.
package struct WorkloadConfiguration: Sendable, Equatable {
  /// The name that the KEDA trigger refers to.
  package var name: WorkloadName
  /// What the load is called.
  package var metric: String
  /// Where the load comes from.
  package var source: SourceConfiguration
  /// What forecasts it.
  package var model: ModelConfiguration
  /// How replicas follow from the forecast.
  package var policy: PolicyConfiguration
  /// How far ahead to forecast; at least one step.
  package var horizon: Duration
  /// The length of a step of history and forecast; at least a second.
  package var step: Duration
  /// The time between two forecasts; positive.
  package var interval: Duration
  /// How much history to learn from; at least two steps.
  package var window: Duration
  /// How long after its instant a sample can still change; nil for five minutes or three steps.
  package var settleTime: Duration?
  /// The age of the newest sample from which a plan counts as bridged; nil for ten minutes or five steps.
  package var maxSampleAge: Duration?
  /// How long a bridged plan is served, at most the horizon.
  package var bridge: Duration = .seconds(1800)
  /// Where the lead time for triggers without one comes from; nil for the scaler's.
  package var leadTime: LeadTimeConfiguration?
  /// Where the number of its ready pods comes from; nil when it is unknown.
  package var replicasQuery: ReplicasQuery?
  /// The name of the time zone in which its days begin, such as `Europe/Berlin`; one that this machine knows.
  package var timeZone: String
  /// The days and hours on which its load differs from its pattern; nil without any.
  package var calendar: CalendarConfiguration?
  /// Other series that may tell how its load develops; the model decides which it uses.
  package var covariates: [CovariateConfiguration] = []
  /// Whether it is a dry run: its plan is computed and shown, but not served.
  package var isDryRun = false
  /// The parts of its forecast that are exported as metrics; nil for none.
  package var series: ForecastSeries?
  /// Further metrics; the plan is the largest need.
  package var otherMetrics: [MetricConfiguration] = []
  /// Where the number of its starting pods comes from, in whose time samples are left out; nil when all samples count.
  package var startingPods: StartingPodsConfiguration?
  /// What the page groups it by.
  package var labels: [String: String] = [:]
  /// The object that its plan scales; nil for a workload of the file, which names none.
  package var target: PodTarget?
}

/// One more metric of a workload.
package struct MetricConfiguration: Sendable, Equatable {
  /// What the load is called.
  package var metric: String
  /// Where it comes from.
  package var source: SourceConfiguration
  /// What forecasts it.
  package var model: ModelConfiguration
  /// How replicas follow from the forecast.
  package var policy: PolicyConfiguration
}

/// The model that forecasts a workload.
package struct ModelConfiguration: Sendable, Equatable {
  /// Its name, one of the names that the host knows.
  package var name: String
  /// The order of an ARIMA or SARIMA model; nil when the model chooses it.
  package var order: Arima.Order?
  /// The service that forecasts, of the model `byom`.
  package var byomURL: WebURL?
}

/// How replicas follow from a forecast.
package struct PolicyConfiguration: Sendable, Equatable {
  /// The load that one pod is meant to serve; positive.
  package var targetPerPod: Double
  /// The factor on the forecast when there is no quantile; positive.
  package var headroom: Double
  /// The quantile of the forecast to plan for, in (0, 1); nil to plan by headroom.
  package var quantileLevel: Double?
  /// The pod-minutes that a minute with too few pods is worth; nil to plan by quantile or headroom.
  package var shortageCost: Double?
  /// The share of the minutes in which the pods should suffice, in (0.5, 1); nil to plan by one of the others.
  package var objective: Double?
  /// The least replicas; not negative.
  package var minReplicas: Int
  /// The most replicas; at least one and at least the least.
  package var maxReplicas: Int
  /// The most growth in a step, as a factor; at least 1.
  package var upMaxFactor: Double
  /// The most shrinkage in a step, in percent, 0 to 100.
  package var downMaxPercent: Double
  /// How many steps after a step count into its load; not negative.
  package var prewarmSteps: Int
  /// How a fraction of a pod is rounded.
  package var rounding: StandardCapacityPolicy.Rounding
  /// Whether the plan is never below what the current load needs.
  package var reactiveFloor: Bool
  /// The largest mean error of recent forecasts, as a share of the load, with which they are planned for; nil for any.
  package var accuracyGate: Double?
  /// The planned load above which the workload is active, for triggers without this value; nil: whenever its plan is fresh.
  package var activationThreshold: Double?
  /// Bounds that hold at known times, in the workload's time zone.
  package var schedules: [ScheduledBounds.Rule] = []
}
