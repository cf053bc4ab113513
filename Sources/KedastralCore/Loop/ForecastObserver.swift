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
}

/// Receives how each forecast round ended; called on the loops' tasks, so it must be quick.
public protocol ForecastObserver: Sendable {
  /// A round ended.
  func roundEnded(_ round: ForecastRound)
}
