import KedastralCore

/// Models by name, and sources and policies by workload, that are not built in.
package struct RegisteredParts: Sendable {
  package var models: [String: any Model] = [:]
  package var sources: [String: any MetricSource] = [:]
  package var policies: [String: any CapacityPolicy] = [:]

  package init(
    models: [String: any Model] = [:], sources: [String: any MetricSource] = [:],
    policies: [String: any CapacityPolicy] = [:]
  ) {
    self.models = models
    self.sources = sources
    self.policies = policies
  }
}
