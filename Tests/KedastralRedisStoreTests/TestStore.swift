import Foundation
import KedastralCore
import KedastralNet
import KedastralRedisStore
import Synchronization
import TestSupport

/// A store on its own loop, for one test.
final class TestStore: ForecastStore, HistoryStore {
  let store: RedisStore
  let log = LogRecorder()
  private let loop: EventLoop

  init(_ configuration: RedisConfiguration) async throws {
    loop = try EventLoop()
    store = try await RedisStore(configuration, on: loop, logger: KedastralLogger(log))
  }

  var health: RedisHealth { store.health }
  @discardableResult
  func put(_ snapshot: Snapshot) async throws -> PutOutcome { try await store.put(snapshot) }
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

  deinit {
    let loop = loop
    let store = store
    Task {
      await store.close()
      await loop.stop()
    }
  }
}

/// Keeps log lines, so that tests can check what operators read.
final class LogRecorder: KedastralLogHandler {
  private let kept = Mutex<[String]>([])

  var lines: [String] { kept.withLock { $0 } }

  func isEnabled(_ level: KedastralLogLevel) -> Bool { true }

  func log(_ level: KedastralLogLevel, _ message: String, _ fields: KeyValuePairs<String, String>) {
    let text = fields.map { "\($0)=\($1)" }.joined(separator: " ")
    kept.withLock { $0.append("\(level.rawValue) \(message) \(text)") }
  }
}

/// What a store's listener has received.
final class Heard: Sendable {
  private let state = Mutex<(latest: [WorkloadName: Snapshot], order: [StoreUpdate])>(([:], []))
  private let task: Mutex<Task<Void, Never>?> = Mutex(nil)

  init(_ store: some ForecastStore) {
    let updates = store.updates()
    let listening = Task { [weak self] in
      for await update in updates { self?.note(update) }
    }
    task.withLock { $0 = listening }
  }

  deinit { task.withLock { $0?.cancel() } }

  /// The newest snapshot of a workload.
  func latest(_ name: String) -> Snapshot? {
    state.withLock { state in state.latest.first { $0.key.text == name }?.value }
  }

  /// How many workloads have a snapshot.
  var count: Int { state.withLock { $0.latest.count } }

  /// Every update in order.
  var all: [StoreUpdate] { state.withLock { $0.order } }

  private func note(_ update: StoreUpdate) {
    state.withLock { state in
      state.order.append(update)
      switch update {
      case .put(let snapshot): state.latest[snapshot.workload] = snapshot
      case .removed(let workload): state.latest[workload] = nil
      }
    }
  }
}

extension RedisConfiguration {
  /// A server on the loopback address, with deadlines that suit a test.
  static func loopback(_ port: UInt16) -> Self { quick(.init(server: .network(host: "127.0.0.1", port: port))) }

  static func quick(_ configuration: Self) -> Self {
    var configuration = configuration
    configuration.reconnect = Backoff(initial: .milliseconds(20), maximum: .milliseconds(200))
    configuration.callDeadline = .seconds(10)
    return configuration
  }
}

let noon = Date(timeIntervalSince1970: 1_769_860_800)

func snapshot(_ name: String, at instant: Date = noon, replicas: Int = 1) throws -> Snapshot {
  try Snapshot(
    workload: try WorkloadName(name), metric: "rps", generatedAt: instant, step: .seconds(60), horizon: .seconds(60),
    values: [1], desiredReplicas: [replicas])
}

extension RedisServer {
  /// How many sweeps over `keys` keys the server has answered since its statistics were reset.
  func sweeps(keys: Int) async throws -> Int {
    let statistics = try await cli("INFO", "commandstats")
    guard
      let line = statistics.split(whereSeparator: \.isNewline).first(where: { $0.hasPrefix("cmdstat_getrange:calls=") }
      ),
      let calls = Int(line.dropFirst("cmdstat_getrange:calls=".count).prefix { $0.isNumber })
    else { return 0 }
    return calls / keys
  }
}
