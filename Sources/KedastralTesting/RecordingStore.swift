import KedastralCore
import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A store that records everything it receives, in order, and fails on demand.
public final class RecordingStore: ForecastStore {
  private struct State {
    var puts: [Snapshot] = []
    var current: [WorkloadName: Snapshot] = [:]
    var learned: [WorkloadName: Data] = [:]
    var histories: [WorkloadName: [String: Data]] = [:]
    var writings: [[String]] = []
    var failure: (any Error)?
  }

  private let state = Mutex(State())
  private let clock: any WallClock
  private let broadcast = UpdateBroadcast()

  /// Creates a store that holds `snapshots`.
  public init(holding snapshots: [Snapshot] = [], clock: any WallClock = SystemWallClock()) {
    self.clock = clock
    state.withLock { state in for snapshot in snapshots { state.current[snapshot.workload] = snapshot } }
  }

  /// Every snapshot that was put, in order.
  public var puts: [Snapshot] { state.withLock { $0.puts } }

  /// From now on every call throws `error`; nil restores normal operation.
  public func fail(with error: (any Error)?) { state.withLock { $0.failure = error } }

  @discardableResult
  public func put(_ snapshot: Snapshot) async throws -> PutOutcome {
    let now = clock.now
    let outcome = try access { state in
      state.puts.append(snapshot)
      if let present = state.current[snapshot.workload], !snapshot.supersedes(present, at: now) {
        return PutOutcome.superseded
      }
      state.current[snapshot.workload] = snapshot
      return .stored
    }
    if outcome == .stored { broadcast.send(.put(snapshot)) }
    return outcome
  }

  public func get(_ workload: WorkloadName) async throws -> Snapshot? { try access { $0.current[workload] } }

  public func list() async throws -> [WorkloadName] { try access { $0.current.keys.sorted() } }

  public func remove(_ workload: WorkloadName) async throws {
    try access { state in
      state.current[workload] = nil
      state.learned[workload] = nil
      state.histories[workload] = nil
    }
    broadcast.send(.removed(workload))
  }

  public func putState(_ state: Data, of workload: WorkloadName) async throws {
    try access { $0.learned[workload] = state }
  }

  public func state(of workload: WorkloadName) async throws -> Data? { try access { $0.learned[workload] } }

  public func updates() -> AsyncStream<StoreUpdate> {
    let present = state.withLock { Array($0.current.values) }
    return broadcast.subscribe { replay in for snapshot in present { replay(.put(snapshot)) } }
  }

  private func access<Result>(_ body: (inout State) throws -> sending Result) throws -> sending Result {
    try state.withLock { state in
      if let failure = state.failure { throw failure }
      return try body(&state)
    }
  }
}

extension RecordingStore: HistoryStore {
  /// The names of the parts of each ``putHistory(_:of:lifetime:)``, in order.
  package var historyWritings: [[String]] { state.withLock { $0.writings } }

  package func putHistory(_ parts: [String: Data?], of workload: WorkloadName, lifetime: Duration) async throws {
    try access { state in
      state.writings.append(parts.keys.sorted())
      for (name, data) in parts { state.histories[workload, default: [:]][name] = data }
    }
  }

  package func history(of workload: WorkloadName) async throws -> [String: Data] {
    try access { $0.histories[workload] ?? [:] }
  }
}
