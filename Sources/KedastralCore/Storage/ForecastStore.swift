#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Keeps the newest snapshot of every workload, for the hosts that serve it.
public protocol ForecastStore: Sendable {
  /// Stores `snapshot` unless the store already holds a newer one of the same workload.
  /// - Throws: ForecastStoreError when the store is unavailable or refuses the snapshot.
  @discardableResult
  func put(_ snapshot: Snapshot) async throws -> PutOutcome

  /// The newest snapshot of `workload`, or nil when there is none (or it expired).
  func get(_ workload: WorkloadName) async throws -> Snapshot?

  /// The workloads that have a snapshot, sorted by name.
  func list() async throws -> [WorkloadName]

  /// Removes a workload's plan and state, if they exist.
  func remove(_ workload: WorkloadName) async throws

  /// Stores the state of a workload's forecast loop, for ``state(of:)`` after a restart; the last write wins.
  /// By default nothing is stored: a restarted loop then learns again.
  func putState(_ state: Data, of workload: WorkloadName) async throws

  /// The last stored state of a workload, or nil; nil by default.
  func state(of workload: WorkloadName) async throws -> Data?

  /// All that is stored now, then every change, until the caller stops listening.
  /// A slow listener misses no workload: of several snapshots of one workload it receives the newest.
  func updates() -> AsyncStream<StoreUpdate>
}

extension ForecastStore {
  public func putState(_ state: Data, of workload: WorkloadName) async throws {}
  public func state(of workload: WorkloadName) async throws -> Data? { nil }
}

/// The result of ForecastStore/put(_:).
public enum PutOutcome: Sendable, Equatable {
  /// The snapshot is stored.
  case stored
  /// The store holds a newer snapshot, which stays.
  case superseded
}

/// One change of a store.
public enum StoreUpdate: Sendable, Equatable {
  /// A workload has a new snapshot. It is one allocation, which everyone who keeps the update shares.
  indirect case put(Snapshot)
  /// A workload was removed or expired.
  case removed(WorkloadName)

  /// The workload that changed.
  public var workload: WorkloadName {
    switch self {
    case .put(let snapshot): snapshot.workload
    case .removed(let workload): workload
    }
  }
}

/// Why a request to a store failed.
public struct ForecastStoreError: Error, Equatable, CustomStringConvertible {
  /// The request, for instance `put api-app`.
  public let operation: String
  /// The store, for instance `redis 10.0.0.7:6379`.
  public let store: String
  /// The problem that was reported.
  public let problem: String

  /// Creates an error.
  public init(operation: String, store: String, problem: String) {
    self.operation = operation
    self.store = store
    self.problem = problem
  }

  public var description: String { "\(operation): \(store): \(problem)" }
}
