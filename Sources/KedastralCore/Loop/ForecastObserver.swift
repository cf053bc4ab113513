#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The result of a forecast round.
/// A round whose source failed can have both: the failure, and a plan that is based on the forecast alone.
package struct ForecastRound: Sendable {
  /// The workload.
  package let workload: WorkloadName
  /// When it ended.
  package let endedAt: Date
  /// The plan that was stored; nil when there is none.
  package let snapshot: Snapshot?
  /// The failure; nil when the round succeeded.
  package let failure: ForecastFailure?

  /// Describes how a round ended.
  package init(workload: WorkloadName, endedAt: Date, snapshot: Snapshot?, failure: ForecastFailure?) {
    self.workload = workload
    self.endedAt = endedAt
    self.snapshot = snapshot
    self.failure = failure
  }
}

/// Receives the result of each forecast round; called on the loops' tasks, so it must return quickly.
package protocol ForecastObserver: Sendable {
  /// A round ended.
  func roundEnded(_ round: ForecastRound)
}
