import KedastralCore
import Synchronization

/// Follows the snapshots in Redis: messages announce changes at once, and sweeps find changes that no message
/// announced.
///
/// It starts with the first listener. A sweep reads all values once the channel is subscribed to, again after every
/// lost connection, and at each interval; the interval is shorter while Redis refuses the subscription or the reads.
final class Follower: Sendable {
  private let client: RedisClient
  private let logger: KedastralLogger
  private let channel: String
  private let known: Mutex<KnownSnapshots>
  private let broadcast = UpdateBroadcast()
  private let task = Mutex<Task<Void, Never>?>(nil)
  private let refusals: RefusalLog

  /// How many values are requested in one batch.
  private static let chunk = 256

  init(_ client: RedisClient, refusals: RefusalLog, logger: KedastralLogger) {
    self.refusals = refusals
    self.client = client
    self.logger = logger
    channel = client.configuration.channel
    known = Mutex(KnownSnapshots(timeToLive: client.configuration.timeToLive))
  }

  /// The current snapshots, then every change.
  func updates() -> AsyncStream<StoreUpdate> {
    task.withLock { task in if task == nil { task = start() } }
    return broadcast.subscribe { replay in
      known.withLock { known in for snapshot in known.snapshots { replay(.put(snapshot)) } }
    }
  }

  /// Stops following.
  func stop() { task.withLock { $0?.cancel() } }

  private func start() -> Task<Void, Never> {
    let (reasons, wake) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    let handler = SubscriptionHandler(
      onSubscribed: { [refusals, logger] in
        refusals.note("SUBSCRIBE", nil, logger)
        wake.yield()
      },
      onAway: { [logger, channel] problem in
        logger.debug("no messages from redis", ["channel": channel, "error": problem])
        wake.yield()
      },
      onRefused: { [refusals, logger] problem in
        // The first refusal ends the wait for the subscription, so all values are read now; later refusals change
        // nothing.
        if refusals.note("SUBSCRIBE", problem, logger) { wake.yield() }
      },
      onMessage: { [weak self] payload in self?.receive(payload) })
    client.subscribe(channel, handler: handler)
    let configuration = client.configuration
    return Task { [weak self, refusals] in
      await withDiscardingTaskGroup { group in
        group.addTask { await Self.remind(configuration, refusals) { wake.yield() } }
        var failures = 0
        for await _ in reasons {
          guard !Task.isCancelled else { break }
          guard await self?.read(&failures) == false else { continue }
          try? await Task.sleep(for: configuration.reconnect.delay(afterFailures: failures))
          wake.yield()
        }
        group.cancelAll()
      }
    }
  }

  /// Asks for a sweep at each interval, until the task is cancelled; more often while Redis refuses.
  private static func remind(
    _ configuration: RedisConfiguration, _ refusals: RefusalLog, _ sweep: @Sendable () -> Void
  ) async {
    var lastSweep = ContinuousClock.now
    while !Task.isCancelled {
      // Checked this often, because a refusal may begin at any time.
      try? await Task.sleep(for: min(configuration.pollInterval, configuration.sweepInterval))
      let isPolling = refusals.isRefused("SUBSCRIBE") || refusals.isRefused("reading plans")
      // The sleep may end slightly early or late.
      guard isPolling || lastSweep.duration(to: .now) >= configuration.sweepInterval * 0.95 else { continue }
      lastSweep = .now
      sweep()
    }
  }

  /// Reads all values; false when it has to be tried again after a pause. A refusal is not: the next sweep is early enough.
  private func read(_ failures: inout Int) async -> Bool {
    do {
      try await sweep()
      failures = 0
      refusals.note("reading plans", nil, logger)
    } catch let refused as RefusedRead {
      refusals.note("reading plans", refused.problem, logger)
    } catch {
      failures += 1
      logger.debug("redis was not read", ["error": "\(error)"])
      return false
    }
    return true
  }

  /// Reads all values.
  private func sweep() async throws {
    let configuration = client.configuration
    let keys = try await KeyScan(client).keys()
    var refused: String?
    var hasRead = false
    var rest = keys.sorted { $0.text < $1.text }[...]
    while !rest.isEmpty {
      let chunk = rest.prefix(Self.chunk)
      rest = rest.dropFirst(Self.chunk)
      let replies = try await client.execute(chunk.map { StoredValue.command(key: $0.text, configuration) })
      for (key, reply) in zip(chunk, replies) {
        if let problem = reply.permissionProblem {
          refused = refused ?? "\(problem) (\(key.text))"
          continue
        }
        hasRead = true
        switch StoredValue(reply, configuration) {
        case .missing: break
        case .bytes(let bytes): take(bytes, key: key)
        case .unreadable(let problem): reject(key.text, digest: problem.hashValue, problem)
        }
      }
    }
    known.withLock { known in
      for workload in known.swept(keys, now: .now) { broadcast.send(.removed(workload)) }
    }
    // Some users are permitted only some workloads; a user that can read none is misconfigured.
    if let refused, !hasRead { throw RefusedRead(problem: refused) }
    refusals.note("reading some plans", refused, logger)
  }

  private func receive(_ payload: [UInt8]) {
    switch UpdateMessage(payload) {
    case .removal(let workload):
      known.withLock { known in if known.remove(workload) { broadcast.send(.removed(workload)) } }
    case .value(let bytes):
      // Only the content says which workload it belongs to; if it is not a valid snapshot, the next sweep reports its
      // key.
      guard bytes.count <= client.configuration.maximumValueBytes else { return }
      guard let snapshot = try? Snapshot(json: .init(bytes)) else {
        return logger.debug("a message was not a valid snapshot", ["channel": channel, "bytes": "\(bytes.count)"])
      }
      accept(snapshot, digest: bytes.hashValue, key: client.configuration.keyPrefix + snapshot.workload.text)
    }
  }

  private func take(_ bytes: [UInt8], key: KeyScan.Key) {
    let digest = bytes.hashValue
    if known.withLock({ $0.hasSeen(digest, of: key.workload, key: key.text) }) { return }
    do {
      accept(
        try StoredValue.snapshot(bytes, key: key.text, workload: key.workload), digest: digest, key: key.text)
    } catch { reject(key.text, digest: digest, "\(error)") }
  }

  /// Sent under the lock, so that listeners see the changes of a workload in order.
  private func accept(_ snapshot: Snapshot, digest: Int, key: String) {
    known.withLock { known in
      if known.accept(snapshot, digest: digest, key: key, now: .now, date: SystemWallClock().now) {
        broadcast.send(.put(snapshot))
      }
    }
  }

  private func reject(_ key: String, digest: Int, _ problem: String) {
    if known.withLock({ $0.reject(key: key, digest: digest) }) {
      logger.warn("a stored forecast is not usable", ["key": key, "error": problem])
    }
  }
}
