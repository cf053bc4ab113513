import KedastralCore
import KedastralHTTP
import KedastralNet

/// The host's own settings as texts to copy.
struct WrittenConfiguration: ConfigurationTexts {
  private let leadTime: Duration
  private let scaler: ListenAddress
  private let settings: @Sendable (WorkloadName) -> WorkloadConfiguration?

  /// Writes what `settings` says of a workload now.
  init(
    leadTime: Duration, scaler: ListenAddress, settings: @escaping @Sendable (WorkloadName) -> WorkloadConfiguration?
  ) {
    self.leadTime = leadTime
    self.scaler = scaler
    self.settings = settings
  }

  func configurationFile(of workload: WorkloadName, _ tuning: PlanTuning) -> String? {
    settings(workload)?.applying(tuning.policy).yaml(leadTime: tuning.leadTime ?? leadTime)
  }

  func scaledObject(of workload: WorkloadName, _ tuning: PlanTuning) -> String? {
    guard let settings = settings(workload)?.applying(tuning.policy) else { return nil }
    // A trigger's lead time would override the workload's own.
    return settings.scaledObject(
      leadTime: tuning.leadTime ?? (settings.leadTime == nil ? leadTime : nil), mode: tuning.mode ?? .replicas,
      selection: tuning.selection ?? .maximum,
      scalerAddress: scaler.description)
  }
}

extension WorkloadConfiguration {
  /// These settings with the tried ones applied. A tried setting removes those that would override it: a shortage cost overrides
  /// a quantile, which overrides headroom.
  fileprivate func applying(_ change: CapacityChange) -> WorkloadConfiguration {
    var changed = self
    changed.policy.targetPerPod = change.targetPerPod ?? policy.targetPerPod
    changed.policy.minReplicas = change.minReplicas ?? policy.minReplicas
    changed.policy.maxReplicas = change.maxReplicas ?? policy.maxReplicas
    switch change.margin {
    case .headroom(let factor):
      (changed.policy.headroom, changed.policy.quantileLevel, changed.policy.shortageCost) = (factor, nil, nil)
      changed.policy.objective = nil
    case .quantile(let level):
      (changed.policy.quantileLevel, changed.policy.shortageCost) = (level == 0 ? nil : level, nil)
      changed.policy.objective = nil
    case .shortageCost(let podMinutes): (changed.policy.shortageCost, changed.policy.objective) = (podMinutes, nil)
    case .objective(let share):
      (changed.policy.quantileLevel, changed.policy.shortageCost, changed.policy.objective) = (nil, nil, share)
    case nil: break
    }
    return changed
  }
}
