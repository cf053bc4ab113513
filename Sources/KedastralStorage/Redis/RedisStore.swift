import KedastralCore
import KedastralNet

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Stores snapshots in Redis: one server, a master behind sentinels, or a cluster.
///
///     let store = try await RedisStore(.init(url: "redis://redis:6379"), on: loop, logger: logger)
///     try await store.put(snapshot)
///     for await update in store.updates() { … }
///     await store.close()
///
/// Creating a store does not wait for Redis, and it recovers from any outage: a call waits at most for its deadline,
/// ``health`` reports whether Redis is available, and ``updates()`` catches up when it is back. A snapshot never
/// replaces one that was generated later: the server compares and stores in one step.
///
/// Give the store its own event loop where other work must not wait while many snapshots are read.
package final class RedisStore: ForecastStore {
  let client: RedisClient
  private let configuration: RedisConfiguration
  private let logger: KedastralLogger
  private let follower: Follower
  private let refusals = RefusalLog()

  /// Connects in the background.
  ///
  /// - Throws: ``RedisConfiguration/InvalidSetting``, or the error of TLS files that cannot be loaded.
  package init(_ configuration: RedisConfiguration, on loop: EventLoop, logger: KedastralLogger = .silent) async throws
  {
    try configuration.check()
    self.configuration = configuration
    self.logger = logger
    client = try await RedisClient(configuration, on: loop, logger: logger)
    follower = Follower(client, refusals: refusals, logger: logger)
  }

  deinit { follower.stop() }

  /// Whether Redis can be reached and read now; for a readiness probe.
  package var health: RedisHealth {
    let health = client.health
    guard health == .reachable, let refused = refusals.refusal(of: "reading plans") else { return health }
    return .unreachable(why: "redis does not let the user read plans: \(refused)")
  }

  /// The servers, for errors, without any secret.
  package var name: String { configuration.deployment.description }

  /// Closes all connections. Calls in progress fail; streams of updates stay open without further updates.
  package func close() async {
    follower.stop()
    await client.close()
  }

  @discardableResult
  package func put(_ snapshot: Snapshot) async throws -> PutOutcome {
    switch try await put(snapshot, notAfter: nil) {
    case .stored: .stored
    case .superseded: .superseded
    case .tooLate: throw error("put \(snapshot.workload)", "the lease ran out")
    }
  }

  /// Stores a snapshot unless the server's clock has passed `notAfter` (milliseconds since 1970).
  func put(_ snapshot: Snapshot, notAfter: Int?) async throws -> PutScript.Outcome {
    let operation = "put \(snapshot.workload)"
    let value = [UInt8](try snapshot.storedJSON())
    guard value.count <= configuration.maximumValueBytes else {
      throw error(operation, "the snapshot has \(value.count) bytes, allowed are \(configuration.maximumValueBytes)")
    }
    let script = PutScript(
      key: configuration.keyPrefix + snapshot.workload.text, value: value, generatedAt: snapshot.generatedAt,
      timeToLive: configuration.timeToLive, channel: configuration.channel, notAfter: notAfter)
    let reply = try await ask(operation, [script.command])[0]
    guard let outcome = PutScript.Outcome(reply) else { throw error(operation, unexpected: reply) }
    if outcome == .stored { refusals.note("PUBLISH", PutScript.unannounced(reply), logger) }
    return outcome
  }

  package func get(_ workload: WorkloadName) async throws -> Snapshot? {
    let operation = "get \(workload)"
    let keys = configuration.readPrefixes.map { $0 + workload.text }
    let replies = try await ask(operation, keys.map { StoredValue.command(key: $0, configuration) })
    var newest: Snapshot?
    for (key, reply) in zip(keys, replies) {
      switch StoredValue(reply, configuration) {
      case .missing: break
      case .unreadable(let problem): throw error(operation, "\(key): \(problem)")
      case .bytes(let bytes):
        do {
          let snapshot = try StoredValue.snapshot(bytes, key: key, workload: workload)
          if newest.map({ $0.generatedAt < snapshot.generatedAt }) ?? true { newest = snapshot }
        } catch { throw self.error(operation, "\(key): \(error)") }
      }
    }
    return newest
  }

  package func list() async throws -> [WorkloadName] {
    do {
      return Set(try await KeyScan(client).keys().map(\.workload)).sorted()
    } catch { throw self.error("list", "\(error)") }
  }

  package func remove(_ workload: WorkloadName) async throws {
    let operation = "remove \(workload)"
    let key = configuration.keyPrefix + workload.text
    let replies = try await ask(
      operation,
      [
        RedisCommand("DEL", key, key: key),
        RedisCommand("DEL", stateKey(workload), key: stateKey(workload)),
        RedisCommand("DEL", historyKey(workload), key: historyKey(workload)),
        RedisCommand("PUBLISH", configuration.channel, UpdateMessage.removal(of: workload), key: key),
      ])
    if let refused = replies.first(where: { $0.errorText != nil }) { throw error(operation, unexpected: refused) }
  }

  /// Kept for one day, under the plan's key with the suffix `:state`.
  package func putState(_ state: Data, of workload: WorkloadName) async throws {
    let operation = "put the state of \(workload)"
    guard state.count <= configuration.maximumValueBytes else {
      throw error(operation, "it has \(state.count) bytes, allowed are \(configuration.maximumValueBytes)")
    }
    let key = stateKey(workload)
    let texts = ["SET", key].map { Array($0.utf8) } + [Array(state)] + ["EX", "86400"].map { Array($0.utf8) }
    let reply = try await ask(operation, [RedisCommand(texts, key: key)])[0]
    if reply.errorText != nil { throw error(operation, unexpected: reply) }
  }

  package func state(of workload: WorkloadName) async throws -> Data? {
    let operation = "get the state of \(workload)"
    let key = stateKey(workload)
    switch StoredValue(try await ask(operation, [StoredValue.command(key: key, configuration)])[0], configuration) {
    case .missing: return nil
    case .bytes(let bytes): return Data(bytes)
    case .unreadable(let problem): throw error(operation, "\(key): \(problem)")
    }
  }

  /// Never the key of a plan, because a workload's name has no colon; permissions for the plans' keys cover it.
  private func stateKey(_ workload: WorkloadName) -> String { configuration.keyPrefix + workload.text + ":state" }

  package func updates() -> AsyncStream<StoreUpdate> { follower.updates() }

  /// The key of a workload's history, a hash; see ``stateKey(_:)``.
  func historyKey(_ workload: WorkloadName) -> String { configuration.keyPrefix + workload.text + ":history" }

  /// Sends commands, and names the operation in the errors it throws.
  func ask(_ operation: String, _ commands: [RedisCommand]) async throws -> [RESPValue] {
    do { return try await client.execute(commands) } catch { throw self.error(operation, "\(error)") }
  }

  func error(_ operation: String, _ problem: String) -> ForecastStoreError {
    ForecastStoreError(operation: operation, store: name, problem: problem)
  }

  func error(_ operation: String, unexpected reply: RESPValue) -> ForecastStoreError {
    error(operation, reply.errorText.map(ReplyVerdict.plainText) ?? "unexpected answer: \(reply.summary)")
  }
}
