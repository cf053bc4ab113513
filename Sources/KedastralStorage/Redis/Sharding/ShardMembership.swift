import KedastralCore
import Synchronization

/// Divides the workloads among all forecaster processes that use one Redis: each workload belongs to one process, as
/// long as that process holds a lease.
///
///     let membership = ShardMembership(store: store)
///     async let renewing: Void = membership.run()
///     for await shard in membership.shards() {
///       // Stop the loops of an earlier term and of workloads that shard.owns(_:) denies; start the missing ones
///       // with membership.store(during: shard), which cannot overwrite another owner's plans.
///     }
///
/// A process that dies is replaced within one lease; one that joins takes over about one workload in N. A process that
/// was paused finds its lease expired, and Redis refuses its pending writes.
package final class ShardMembership: Sendable {
  /// How long the workloads of a dead process may remain without forecasts.
  package let lease: Duration
  /// The name of this process, as the others see it.
  package let member: String
  private let store: RedisStore
  private let logger: KedastralLogger
  private let key: String
  private let state: Mutex<State>

  private struct State {
    var membership: MembershipState
    var published: Shard?
    /// How many consecutive renewals of the lease have failed.
    var failedRenewals = 0
    var listeners: [Int: AsyncStream<Shard>.Continuation] = [:]
    var nextListener = 0
  }

  /// Creates a membership that has not joined.
  ///
  /// - Parameters:
  ///   - name: a human-readable name; a unique suffix is added.
  ///   - lease: the duration of a lease, the same in all processes.
  package init(
    store: RedisStore, name: String = "forecaster", lease: Duration = .seconds(15), logger: KedastralLogger = .silent
  ) {
    precondition(lease > .zero, "a lease lasts some time")
    self.store = store
    self.lease = lease
    self.logger = logger
    member = "\(name)-" + String(UInt64.random(in: 0..<(1 << 48)), radix: 36)
    key = store.leasesKey
    // One renewal interval may pass between the expiry of a lease on the server and its discovery by the others.
    state = Mutex(State(membership: MembershipState(member: member, timeToLive: lease - lease / 5)))
  }

  /// Joins, renews the lease until the task is cancelled, and leaves.
  package func run() async {
    let clock = ContinuousClock()
    let interval = lease / 5
    while !Task.isCancelled {
      let begin = clock.now
      await renew()
      // A new member renews again as soon as the others have seen it, instead of at the next interval.
      if publish() { await renew() }
      publish()
      var next = begin + interval
      if let end = state.withLock({ $0.membership.end }), end > clock.now, end < next { next = end }
      try? await clock.sleep(until: next, tolerance: .zero)
      publish()
    }
    _ = try? await store.client.execute([LeaseScript.leave(key: key, member: member)], deadline: interval)
  }

  /// The current share.
  package var current: Shard { state.withLock { $0.membership.shard(at: .now) } }

  /// The share now and after every change; a slow listener receives only the newest.
  package func shards() -> AsyncStream<Shard> {
    let (stream, continuation) = AsyncStream.makeStream(of: Shard.self, bufferingPolicy: .bufferingNewest(1))
    let identifier = state.withLock { state in
      state.nextListener += 1
      state.listeners[state.nextListener] = continuation
      continuation.yield(state.membership.shard(at: .now))
      return state.nextListener
    }
    continuation.onTermination = { [weak self] _ in
      self?.state.withLock { _ = $0.listeners.removeValue(forKey: identifier) }
    }
    return stream
  }

  /// The store for forecasts made during `shard`: it stores a plan only while this process owns the workload in the
  /// same term, by this process's clock and by the server's.
  package func store(during shard: Shard) -> any ForecastStore {
    FencedStore(store: store, membership: self, term: shard.term)
  }

  /// The server's time until which a plan of `workload` may be stored; nil when it may not be stored.
  func writeLimit(of workload: WorkloadName, term: Int) -> Int? {
    state.withLock { state in
      let now = ContinuousClock.now
      let shard = state.membership.shard(at: now)
      return shard.term == term && shard.owns(workload) ? state.membership.writeLimit(at: now) : nil
    }
  }

  private func renew() async {
    let sentAt = ContinuousClock.now
    let (timeToLive, seen) = state.withLock { ($0.membership.timeToLive, $0.membership.seen) }
    do {
      let command = LeaseScript.renew(key: key, member: member, timeToLive: timeToLive, seen: seen)
      let reply = try await store.client.execute([command], deadline: lease / 5)[0]
      guard let answer = MembershipState.Reply(reply) else { throw store.error("renew lease", unexpected: reply) }
      let failures = state.withLock { state in
        state.membership.renewed(answer, sentAt: sentAt)
        defer { state.failedRenewals = 0 }
        return state.failedRenewals
      }
      if failures > 0 { logger.info("the lease is renewed again", ["member": member, "failures": "\(failures)"]) }
    } catch {
      let isFirst = state.withLock { state in
        state.failedRenewals += 1
        return state.failedRenewals == 1
      }
      logger.log(isFirst ? .warn : .debug, "the lease was not renewed", ["member": member, "error": "\(error)"])
    }
  }

  /// Notifies the listeners of a change.
  ///
  /// - Returns: whether there was one.
  @discardableResult
  private func publish() -> Bool {
    state.withLock { state in
      let shard = state.membership.shard(at: .now)
      guard shard != state.published else { return false }
      state.published = shard
      logger.info(
        "share of the workloads",
        [
          "member": member, "members": "\(shard.members.count)", "active": "\(shard.isActive)",
          "term": "\(shard.term)",
        ])
      for listener in state.listeners.values { listener.yield(shard) }
      return true
    }
  }
}

extension RedisStore {
  /// The key of all forecasters' leases. No workload can have this name.
  fileprivate var leasesKey: String { client.configuration.keyPrefix + "@leases" }
}
