#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A store that also keeps what a restarted loop would otherwise request from its source and fit again.
///
/// The content is kept in named parts, so that a loop writes only what has changed.
package protocol HistoryStore: Sendable {
  /// Stores these parts of a workload's history, and removes those that are nil; the last write of each part wins.
  ///
  /// - Parameter lifetime: how long all parts are kept after this call.
  func putHistory(_ parts: [String: Data?], of workload: WorkloadName, lifetime: Duration) async throws

  /// All stored parts of a workload's history; empty when there are none.
  func history(of workload: WorkloadName) async throws -> [String: Data]
}
