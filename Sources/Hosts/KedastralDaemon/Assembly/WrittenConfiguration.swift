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
    settings(workload)?.applying(tuning).yaml(leadTime: tuning.leadTime ?? leadTime)
  }

  func scaledObject(of workload: WorkloadName, _ tuning: PlanTuning) -> String? {
    settings(workload)?.applying(tuning).scaledObject(
      leadTime: tuning.leadTime ?? leadTime, mode: tuning.mode ?? .replicas, selection: tuning.selection ?? .maximum,
      scalerAddress: scaler.description)
  }
}

extension WorkloadConfiguration {
  /// These settings with the tried ones applied. A tried setting removes those that would override it: a shortage cost overrides
  /// a quantile, which overrides headroom.
  fileprivate func applying(_ tuning: PlanTuning) -> WorkloadConfiguration {
    var changed = self
    if let targetPerPod = tuning.targetPerPod { changed.policy.targetPerPod = targetPerPod }
    if let headroom = tuning.headroom {
      (changed.policy.headroom, changed.policy.quantileLevel, changed.policy.shortageCost) = (headroom, nil, nil)
    }
    if let level = tuning.quantileLevel {
      (changed.policy.quantileLevel, changed.policy.shortageCost) = (level == 0 ? nil : level, nil)
    }
    if let cost = tuning.shortageCost { changed.policy.shortageCost = cost }
    return changed
  }
}
