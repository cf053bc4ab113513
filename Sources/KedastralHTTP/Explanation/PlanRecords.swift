import KedastralCore

/// Knows how plans came about, for `/explain` and `/whatif`.
///
/// The forecaster that makes the plans is the natural one to conform.
package protocol PlanRecords: Sendable {
  /// What led to a stored plan, or to the one that has replaced it since; nil when both were made elsewhere.
  func record(of plan: Snapshot) async -> PlanRecord?
}
