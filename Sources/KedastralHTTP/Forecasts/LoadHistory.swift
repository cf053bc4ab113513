import KedastralCore

/// Knows the load that was measured lately, for the page's charts.
///
/// The forecast loop that collects the samples is the natural one to conform.
package protocol LoadHistory: Sendable {
  /// The recent load of `workload`, or nil when nothing is known of it. NaN is a missing sample.
  func history(of workload: WorkloadName) async -> TimeSeries?

  /// The ready pods of `workload`, and why they cannot be read; nil when it has no source for them.
  func realPods(of workload: WorkloadName) async -> (pods: RealPods, problem: String?)?
}

extension LoadHistory {
  package func realPods(of workload: WorkloadName) async -> (pods: RealPods, problem: String?)? { nil }
}
