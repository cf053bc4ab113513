import KedastralCore

extension WorkloadConfiguration {
  /// The KEDA ScaledObject by which this workload's plan scales a Deployment of the same name.
  ///
  /// - Parameters:
  ///   - leadTime: how long before the load the pods are requested; nil for what the plan says.
  ///   - mode: the unit of the scaler's answers; written unless it is the scaler's default.
  ///   - selection: the part of the plan that counts; written unless it is the scaler's default.
  ///   - scalerAddress: where KEDA reaches the scaler.
  package func scaledObject(
    leadTime: Duration?, mode: ScalingQuestion.Mode = .replicas, selection: ScalingQuestion.Selection = .maximum,
    scalerAddress: String
  ) -> String {
    // Kubernetes' names are in lower case and have no underscores.
    let object = String(name.text.lowercased().map { $0 == "_" ? "-" : $0 })
    var text = YAMLText()
    text.pair("apiVersion", "keda.sh/v1alpha1")
    text.pair("kind", "ScaledObject")
    text.mapping("metadata") { $0.pair("name", object) }
    text.mapping("spec") {
      $0.mapping("scaleTargetRef") {
        $0.comment("The Deployment to scale.")
        $0.pair("name", object)
      }
      // With at least one replica the autoscaler requests the metric itself, and KEDA warns about an interval without effect.
      if policy.minReplicas == 0 { $0.pair("pollingInterval", 15) }
      $0.pair("minReplicaCount", policy.minReplicas)
      $0.pair("maxReplicaCount", policy.maxReplicas)
      $0.mapping("fallback") {
        $0.comment("When three polls find no fresh plan: keep at least the current number of pods.")
        $0.pair("failureThreshold", 3)
        $0.pair("replicas", max(1, policy.minReplicas))
        $0.pair("behavior", "currentReplicasIfHigher")
      }
      $0.sequence("triggers", of: [self]) { text, workload in
        text.pair("type", "external")
        text.pair("metricType", "AverageValue")
        text.mapping("metadata") {
          $0.pair("scalerAddress", scalerAddress)
          $0.pair("workload", workload.name.text)
          if let leadTime { $0.pair("leadTime", DurationText.format(leadTime)) }
          if mode != .replicas { $0.pair("mode", mode.rawValue) }
          if selection != .maximum { $0.pair("select", selection.rawValue) }
        }
      }
    }
    return text.text
  }
}
