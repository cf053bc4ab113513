#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Every workload's newest snapshot, in memory, from which a serving thread answers.
///
/// A plain value. Each serving thread owns one and applies the store's updates to it, so a call takes no lock and does not
/// wait; the snapshots are shared between the tables.
package struct SnapshotTable: Sendable {
  /// Each workload's newest `.put`: kept as it came, since the snapshot in it is shared, and a copy would not be.
  private var updates: [String: StoreUpdate] = [:]

  /// Creates an empty table.
  package init() {}

  /// The number of workloads with a snapshot.
  package var count: Int { updates.count }

  /// All snapshots, in no order.
  package var all: some Collection<Snapshot> { updates.values.lazy.compactMap(\.snapshot) }

  /// The newest snapshot of a workload; the name can be any text.
  package subscript(workload: String) -> Snapshot? { updates[workload]?.snapshot }

  /// The name of a workload with a snapshot that is probably meant; nil when none is near, or when there are too many to compare.
  package func nearest(to name: String) -> String? {
    updates.count > 2000 ? nil : Suggestion.nearest(to: name, among: Array(updates.keys))
  }

  /// Applies one change; an older snapshot never replaces a newer one, unless that is dated ahead of `now`.
  package mutating func apply(_ update: StoreUpdate, at now: Date) {
    switch update {
    case .put(let snapshot):
      if let present = self[snapshot.workload.text], !snapshot.supersedes(present, at: now) { return }
      updates[snapshot.workload.text] = update
    case .removed(let workload):
      updates[workload.text] = nil
    }
  }
}

extension StoreUpdate {
  fileprivate var snapshot: Snapshot? {
    if case .put(let snapshot) = self { snapshot } else { nil }
  }
}
