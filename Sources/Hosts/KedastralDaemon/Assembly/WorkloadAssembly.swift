import KedastralCore

extension StandardCapacityPolicy {
  /// The policy that settings describe.
  init(_ settings: PolicyConfiguration) throws(InvalidSetting) {
    try self.init(
      targetPerPod: settings.targetPerPod, headroom: settings.headroom, quantileLevel: settings.quantileLevel,
      shortageCost: settings.shortageCost.map(ShortageCost.init),
      minReplicas: settings.minReplicas, maxReplicas: settings.maxReplicas, upMaxFactor: settings.upMaxFactor,
      downMaxPercent: settings.downMaxPercent, prewarmSteps: settings.prewarmSteps, rounding: settings.rounding,
      hasReactiveFloor: settings.reactiveFloor, objective: settings.objective)
  }
}

extension PolicyConfiguration {
  /// The policy from the settings: the standard one, with an accuracy gate and scheduled bounds if configured.
  package func makePolicy(timeZone: String) throws -> any CapacityPolicy {
    var policy: any CapacityPolicy = try StandardCapacityPolicy(self)
    if let accuracyGate { policy = AccuracyGate(policy, largestError: accuracyGate) }
    guard !schedules.isEmpty else { return policy }
    return ScheduledBounds(policy, rules: schedules, zone: try TimeZoneRules(named: timeZone))
  }
}

extension Workload {
  /// The workload that settings describe.
  ///
  /// - Parameters:
  ///   - sources: the source of each metric, the workload's own first.
  ///   - leadTime: where its own lead time comes from.
  ///   - realPods: where the number of its ready pods comes from.
  ///   - pods: counts the pods of its target.
  ///   - makeModel: makes a metric's model, with the covariates of the metric.
  init(
    _ settings: WorkloadConfiguration, sources: [any MetricSource], leadTime: LeadTimeRule?,
    realPods: (any MetricSource)?, pods: (any PodCounter)?,
    makeModel: (ModelConfiguration, [CovariateConfiguration]) throws -> any Model
  ) throws {
    let others = try zip(settings.otherMetrics, sources.dropFirst()).map { other, source in
      LoadMetric(
        name: other.metric, source: source, model: try makeModel(other.model, []),
        policy: try other.policy.makePolicy(timeZone: settings.timeZone))
    }
    self.init(
      name: settings.name, metric: settings.metric, source: sources[0],
      model: try makeModel(settings.model, settings.covariates),
      policy: try settings.policy.makePolicy(timeZone: settings.timeZone), otherMetrics: others, step: settings.step,
      horizon: settings.horizon, interval: settings.interval, window: settings.window, isDryRun: settings.isDryRun,
      activationThreshold: settings.policy.activationThreshold, settleTime: settings.settleTime,
      maxSampleAge: settings.maxSampleAge, bridgeTime: settings.bridge, leadTime: leadTime, realPods: realPods,
      pods: pods)
  }
}
