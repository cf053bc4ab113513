import KedastralConfiguration
import KedastralCore

extension StandardCapacityPolicy {
  /// The policy that settings describe.
  init(_ settings: PolicyConfiguration) throws(InvalidSetting) {
    try self.init(
      targetPerPod: settings.targetPerPod, headroom: settings.headroom, quantileLevel: settings.quantileLevel,
      minReplicas: settings.minReplicas, maxReplicas: settings.maxReplicas, upMaxFactor: settings.upMaxFactor,
      downMaxPercent: settings.downMaxPercent, prewarmSteps: settings.prewarmSteps, rounding: settings.rounding,
      hasReactiveFloor: settings.reactiveFloor)
  }
}

extension Workload {
  /// The workload that settings describe.
  init(_ settings: WorkloadConfiguration, source: any MetricSource, model: any Model) throws {
    self.init(
      name: settings.name, metric: settings.metric, source: source, model: model,
      policy: try StandardCapacityPolicy(settings.policy), step: settings.step, horizon: settings.horizon,
      interval: settings.interval, window: settings.window)
  }
}
