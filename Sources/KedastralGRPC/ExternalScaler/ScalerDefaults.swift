/// The defaults for a trigger's metadata.
package struct ScalerDefaults: Sendable, Equatable {
  /// How long before the load the pods are requested.
  package var leadTime: Duration
  /// The age at which a plan counts as stale: the workload is inactive and GetMetrics fails, so that KEDA's fallback takes over.
  package var staleAfter: Duration

  /// Creates defaults.
  package init(leadTime: Duration = .seconds(300), staleAfter: Duration = .seconds(120)) {
    self.leadTime = leadTime
    self.staleAfter = staleAfter
  }
}
