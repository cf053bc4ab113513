#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Every workload's newest snapshot, in memory, from which a serving thread answers.
///
/// A plain value. Each serving thread owns one and applies the store's updates to it, so a call takes no lock and does not
/// wait; the snapshots' arrays are shared between the copies.
package struct SnapshotTable: Sendable {
  private var snapshots: [String: Snapshot] = [:]

  /// Creates an empty table.
  package init() {}

  /// The number of workloads with a snapshot.
  package var count: Int { snapshots.count }

  /// All snapshots, in no order.
  package var all: some Collection<Snapshot> { snapshots.values }

  /// The newest snapshot of a workload; the name can be any text.
  package subscript(workload: String) -> Snapshot? { snapshots[workload] }

  /// The name of a workload with a snapshot that is probably meant; nil when none is near, or when there are too many to compare.
  package func nearest(to name: String) -> String? {
    snapshots.count > 2000 ? nil : Suggestion.nearest(to: name, among: Array(snapshots.keys))
  }

  /// Applies one change; an older snapshot never replaces a newer one, unless that is dated ahead of `now`.
  package mutating func apply(_ update: StoreUpdate, at now: Date) {
    switch update {
    case .put(let snapshot):
      if let present = snapshots[snapshot.workload.text], !snapshot.supersedes(present, at: now) { return }
      snapshots[snapshot.workload.text] = snapshot
    case .removed(let workload):
      snapshots[workload.text] = nil
    }
  }
}
