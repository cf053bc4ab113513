#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Keeps the newest snapshot of every workload, for the hosts that serve it.
public protocol ForecastStore: Sendable {
  /// Stores `snapshot` unless the store already holds a newer one of the same workload.
  ///
  /// - Throws: ForecastStoreError when the store cannot be reached or refuses.
  @discardableResult
  func put(_ snapshot: Snapshot) async throws -> PutOutcome

  /// The newest snapshot of `workload`, or nil when there is none (or it expired).
  func get(_ workload: WorkloadName) async throws -> Snapshot?

  /// The workloads that have a snapshot, sorted by name.
  func list() async throws -> [WorkloadName]

  /// Forgets a workload, plan and state; nothing happens when it is not there.
  func remove(_ workload: WorkloadName) async throws

  /// Keeps what a workload's forecast loop has learned, for ``state(of:)`` after a restart; the last write wins.
  ///
  /// By default nothing is kept: a restarted loop then learns again.
  func putState(_ state: Data, of workload: WorkloadName) async throws

  /// What was kept last of a workload, or nil; nil by default.
  func state(of workload: WorkloadName) async throws -> Data?

  /// All that is stored now, then every change, until the caller stops listening.
  ///
  /// A slow listener misses no workload: of several snapshots of one workload it gets the newest.
  func updates() -> AsyncStream<StoreUpdate>
}

extension ForecastStore {
  public func putState(_ state: Data, of workload: WorkloadName) async throws {}
  public func state(of workload: WorkloadName) async throws -> Data? { nil }
}

/// What became of a ForecastStore/put(_:).
public enum PutOutcome: Sendable, Equatable {
  /// The snapshot is stored.
  case stored
  /// The store holds a newer snapshot, which stays.
  case superseded
}

/// One change of a store.
public enum StoreUpdate: Sendable, Equatable {
  /// A workload has a new snapshot.
  case put(Snapshot)
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

/// Why a store could not do what was asked.
public struct ForecastStoreError: Error, Equatable, CustomStringConvertible {
  /// What was asked, for instance `put api-app`.
  public let operation: String
  /// The store, for instance `redis 10.0.0.7:6379`.
  public let store: String
  /// What came back.
  public let problem: String

  /// Creates an error.
  public init(operation: String, store: String, problem: String) {
    self.operation = operation
    self.store = store
    self.problem = problem
  }

  public var description: String { "\(operation): \(store): \(problem)" }
}
