import KedastralCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The newest valid snapshot of every workload seen in Redis.
///
/// A value that is not a valid snapshot is reported once and changes nothing. A missing workload is kept until its time
/// to live has passed since its snapshot arrived: Redis may have been restarted without its data, and the forecasters
/// will store it again.
struct KnownSnapshots {
  private struct Entry {
    let snapshot: Snapshot
    let digest: Int
    let arrivedAt: ContinuousClock.Instant
  }

  private let timeToLive: Duration
  private var entries: [WorkloadName: Entry] = [:]
  /// Digests of invalid values by key: each is reported once.
  private var bad: [String: Int] = [:]

  /// Creates an empty table.
  init(timeToLive: Duration) { self.timeToLive = timeToLive }

  /// All snapshots.
  var snapshots: [Snapshot] { entries.values.map(\.snapshot) }

  /// Whether exactly these bytes have been handled before, valid or not.
  func hasSeen(_ digest: Int, of workload: WorkloadName, key: String) -> Bool {
    entries[workload]?.digest == digest || bad[key] == digest
  }

  /// Stores a valid snapshot.
  ///
  /// - Returns: whether it is new.
  mutating func accept(
    _ snapshot: Snapshot, digest: Int, key: String, now: ContinuousClock.Instant, date: Date
  ) -> Bool {
    bad[key] = nil
    if let present = entries[snapshot.workload], !isExpired(present, now) {
      // One change is read more than once: by the message and by the sweep.
      if present.digest == digest || !snapshot.supersedes(present.snapshot, at: date) { return false }
    }
    entries[snapshot.workload] = Entry(snapshot: snapshot, digest: digest, arrivedAt: now)
    return true
  }

  /// Records that a key holds no valid snapshot.
  ///
  /// - Returns: whether this should be reported.
  mutating func reject(key: String, digest: Int) -> Bool { bad.updateValue(digest, forKey: key) != digest }

  /// Forgets a workload.
  ///
  /// - Returns: whether it was present.
  mutating func remove(_ workload: WorkloadName) -> Bool { entries.removeValue(forKey: workload) != nil }

  /// Records that a sweep has found exactly these keys.
  ///
  /// - Returns: the workloads that are removed.
  mutating func swept(_ found: Set<KeyScan.Key>, now: ContinuousClock.Instant) -> [WorkloadName] {
    let names = Set(found.map(\.text))
    bad = bad.filter { names.contains($0.key) }
    let present = Set(found.map(\.workload))
    let gone = entries.filter { !present.contains($0.key) && isExpired($0.value, now) }.map(\.key)
    for workload in gone { entries[workload] = nil }
    return gone.sorted()
  }

  private func isExpired(_ entry: Entry, _ now: ContinuousClock.Instant) -> Bool {
    now - entry.arrivedAt >= timeToLive
  }
}
