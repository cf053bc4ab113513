#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The result of a forecast round.
/// A round whose source failed can have both: the failure, and a plan that is based on the forecast alone.
public struct ForecastRound: Sendable {
  /// The workload.
  public let workload: WorkloadName
  /// When it ended.
  public let endedAt: Date
  /// The plan that was stored; nil when there is none.
  public let snapshot: Snapshot?
  /// The failure; nil when the round succeeded.
  public let failure: ForecastFailure?

  /// Describes how a round ended.
  public init(workload: WorkloadName, endedAt: Date, snapshot: Snapshot?, failure: ForecastFailure?) {
    self.workload = workload
    self.endedAt = endedAt
    self.snapshot = snapshot
    self.failure = failure
  }
}

/// Receives the result of each forecast round; called on the loops' tasks, so it must return quickly.
public protocol ForecastObserver: Sendable {
  /// A round ended.
  func roundEnded(_ round: ForecastRound)
}
