#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// How a forecast round ended.
///
/// A round whose source failed can end with both: the failure, and a plan that follows the forecast alone.
public struct ForecastRound: Sendable {
  /// The workload.
  public let workload: WorkloadName
  /// When it ended.
  public let endedAt: Date
  /// The plan that was stored; nil when there is none.
  public let snapshot: Snapshot?
  /// What failed; nil when nothing did.
  public let failure: ForecastFailure?

  /// Describes how a round ended.
  public init(workload: WorkloadName, endedAt: Date, snapshot: Snapshot?, failure: ForecastFailure?) {
    self.workload = workload
    self.endedAt = endedAt
    self.snapshot = snapshot
    self.failure = failure
  }
}

/// Receives how each forecast round ended; called on the loops' tasks, so it must be quick.
public protocol ForecastObserver: Sendable {
  /// A round ended.
  func roundEnded(_ round: ForecastRound)
}
