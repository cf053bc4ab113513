import KedastralCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A Redis store that accepts plans only from the owner of their workload.
struct FencedStore: ForecastStore, HistoryStore {
  let store: RedisStore
  let membership: ShardMembership
  let term: Int

  @discardableResult
  func put(_ snapshot: Snapshot) async throws -> PutOutcome {
    let operation = "put \(snapshot.workload)"
    guard let limit = membership.writeLimit(of: snapshot.workload, term: term) else {
      throw store.error(operation, "another process owns the workload now")
    }
    switch try await store.put(snapshot, notAfter: limit) {
    case .stored: return .stored
    case .superseded: return .superseded
    case .tooLate: throw store.error(operation, "the lease ran out before it was stored")
    }
  }

  func get(_ workload: WorkloadName) async throws -> Snapshot? { try await store.get(workload) }
  func list() async throws -> [WorkloadName] { try await store.list() }
  func remove(_ workload: WorkloadName) async throws { try await store.remove(workload) }
  func putState(_ state: Data, of workload: WorkloadName) async throws { try await store.putState(state, of: workload) }
  func state(of workload: WorkloadName) async throws -> Data? { try await store.state(of: workload) }
  func putHistory(_ parts: [String: Data?], of workload: WorkloadName, lifetime: Duration) async throws {
    try await store.putHistory(parts, of: workload, lifetime: lifetime)
  }
  func history(of workload: WorkloadName) async throws -> [String: Data] { try await store.history(of: workload) }
  func updates() -> AsyncStream<StoreUpdate> { store.updates() }
}
