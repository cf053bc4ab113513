import KedastralCore
import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Keeps snapshots in the process's memory: for tests, for one process that forecasts and serves, and as a library default.
///
/// Reads of different workloads never wait for each other: names are spread over stripes, and a stripe is held only while a
/// reference is copied.
///
///     let store = MemoryStore(timeToLive: .seconds(1800))
///     try await store.put(snapshot)
///     for await update in store.updates() { … }
public final class MemoryStore: ForecastStore {
  private struct Entry {
    let snapshot: Snapshot
    let expiresAt: Date
  }

  private final class Stripe: Sendable {
    let entries = Mutex<[WorkloadName: Entry]>([:])
    /// What loops have learned.
    let states = Mutex<[WorkloadName: Data]>([:])
    let histories = Mutex<[WorkloadName: [String: Data]]>([:])
  }

  /// How long a snapshot is kept after it was put.
  public let timeToLive: Duration
  private let clock: any WallClock
  private let stripes: [Stripe]
  private let broadcast = UpdateBroadcast()

  /// Creates an empty store.
  public init(timeToLive: Duration = .seconds(1800), clock: any WallClock = SystemWallClock(), stripeCount: Int = 64) {
    precondition(stripeCount > 0, "a store has at least one stripe")
    self.timeToLive = timeToLive
    self.clock = clock
    stripes = (0..<stripeCount).map { _ in Stripe() }
  }

  @discardableResult
  public func put(_ snapshot: Snapshot) async -> PutOutcome {
    let now = clock.now
    // Sent under the stripe's lock, so that listeners see a workload's changes in the order in which they happened.
    return stripe(of: snapshot.workload).entries.withLock { entries in
      expire(&entries, at: now)
      if let present = entries[snapshot.workload], !snapshot.supersedes(present.snapshot, at: now) {
        return .superseded
      }
      entries[snapshot.workload] = Entry(snapshot: snapshot, expiresAt: now + timeToLive)
      broadcast.send(.put(snapshot))
      return .stored
    }
  }

  public func get(_ workload: WorkloadName) async -> Snapshot? {
    let entry = stripe(of: workload).entries.withLock { $0[workload] }
    return entry.flatMap { $0.expiresAt > clock.now ? $0.snapshot : nil }
  }

  public func list() async -> [WorkloadName] {
    let now = clock.now
    return stripes.flatMap { stripe in
      stripe.entries.withLock { entries in
        expire(&entries, at: now)
        return Array(entries.keys)
      }
    }.sorted()
  }

  public func remove(_ workload: WorkloadName) async {
    stripe(of: workload).entries.withLock { entries in
      if entries.removeValue(forKey: workload) != nil { broadcast.send(.removed(workload)) }
    }
    stripe(of: workload).states.withLock { $0[workload] = nil }
    stripe(of: workload).histories.withLock { $0[workload] = nil }
  }

  public func putState(_ state: Data, of workload: WorkloadName) async {
    stripe(of: workload).states.withLock { $0[workload] = state }
  }

  public func state(of workload: WorkloadName) async -> Data? { stripe(of: workload).states.withLock { $0[workload] } }

  public func updates() -> AsyncStream<StoreUpdate> {
    let now = clock.now
    return broadcast.subscribe { replay in
      for stripe in stripes {
        stripe.entries.withLock { entries in
          expire(&entries, at: now)
          for entry in entries.values { replay(.put(entry.snapshot)) }
        }
      }
    }
  }

  private func stripe(of workload: WorkloadName) -> Stripe {
    stripes[Int(UInt(bitPattern: workload.hashValue) % UInt(stripes.count))]
  }

  private func expire(_ entries: inout [WorkloadName: Entry], at now: Date) {
    for (workload, entry) in entries where entry.expiresAt <= now {
      entries[workload] = nil
      broadcast.send(.removed(workload))
    }
  }
}

/// Histories live as long as the process, so that a loop that replaces another one resumes from its samples.
extension MemoryStore: HistoryStore {
  package func putHistory(_ parts: [String: Data?], of workload: WorkloadName, lifetime: Duration) async {
    stripe(of: workload).histories.withLock { histories in
      for (name, data) in parts { histories[workload, default: [:]][name] = data }
    }
  }

  package func history(of workload: WorkloadName) async -> [String: Data] {
    stripe(of: workload).histories.withLock { $0[workload] ?? [:] }
  }
}
