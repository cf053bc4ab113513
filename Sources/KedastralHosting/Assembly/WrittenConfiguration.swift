import KedastralConfiguration
import KedastralCore
import KedastralHTTP

/// The host's own settings as texts to copy.
struct WrittenConfiguration: ConfigurationTexts {
  private let workloads: [WorkloadName: WorkloadConfiguration]
  private let leadTime: Duration

  init(_ workloads: [WorkloadConfiguration], leadTime: Duration) {
    self.workloads = Dictionary(uniqueKeysWithValues: workloads.map { ($0.name, $0) })
    self.leadTime = leadTime
  }

  func configurationFile(of workload: WorkloadName, _ tuning: PlanTuning) -> String? {
    workloads[workload]?.applying(tuning).yaml(leadTime: tuning.leadTime ?? leadTime)
  }

  func scaledObject(of workload: WorkloadName, _ tuning: PlanTuning) -> String? {
    // The name of the Service in deploy/ and in the README.
    workloads[workload]?.applying(tuning).scaledObject(
      leadTime: tuning.leadTime ?? leadTime, scalerAddress: "kedastral-scaler.default.svc:50051")
  }
}

extension WorkloadConfiguration {
  fileprivate func applying(_ tuning: PlanTuning) -> WorkloadConfiguration {
    var changed = self
    if let targetPerPod = tuning.targetPerPod { changed.policy.targetPerPod = targetPerPod }
    if let headroom = tuning.headroom { changed.policy.headroom = headroom }
    if let level = tuning.quantileLevel { changed.policy.quantileLevel = level == 0 ? nil : level }
    return changed
  }
}
