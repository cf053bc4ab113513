import KedastralCore

/// Knows how plans came about, for `/explain` and `/whatif`.
///
/// The forecaster that makes the plans is the natural one to conform.
public protocol PlanRecords: Sendable {
  /// The newest plan of `workload` with all that led to it; nil when it was made elsewhere.
  func record(of workload: WorkloadName) async -> PlanRecord?
}
