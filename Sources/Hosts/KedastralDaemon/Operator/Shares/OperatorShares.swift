import KedastralCore
import KedastralKubernetes
import KedastralRedisStore
import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Divides the objects of a cluster among the forecasters that write them: each object has one writer, as long as that one renews
/// its entry in a Lease. One that dies is replaced within a lease and an interval.
final class OperatorShares: Sendable {
  private struct State {
    var membership: MembershipState
    var roll: LeaseRoll
    var shown: Shard?
    /// The Lease as this process wrote it last, while it has no other member: it is replaced without being read, and the server
    /// refuses that when somebody else has written meanwhile.
    var unshared: Lease?
  }

  private let client: KubernetesClient
  private let key: ObjectKey
  private let duration: Duration
  private let clock: any WallClock
  private let logger: KedastralLogger
  private let start = ContinuousClock.now
  private let state: Mutex<State>

  /// - Parameters:
  ///   - key: the Lease.
  ///   - identity: this process, unique among the forecasters.
  ///   - duration: how long an entry counts without a renewal; the same in all forecasters.
  init(
    _ client: KubernetesClient, key: ObjectKey, identity: String, duration: Duration, clock: any WallClock,
    logger: KedastralLogger
  ) {
    self.client = client
    self.key = key
    self.duration = duration
    self.clock = clock
    self.logger = logger
    state = Mutex(
      State(
        membership: MembershipState(member: identity, timeToLive: duration),
        roll: LeaseRoll(member: identity, timeToLive: duration)))
  }

  /// The share as of now.
  var current: Shard { state.withLock { $0.membership.shard(at: .now) } }

  /// Joins, renews the entry until the task is cancelled, and leaves.
  func run() async {
    var problem: String?
    while !Task.isCancelled {
      do {
        try await renew()
        // What this process has released is announced at once, so that the newcomer does not wait for the next renewal.
        if show() { try await renew() }
        problem = nil
      } catch is CancellationError {
        break
      } catch {
        if problem != "\(error)" { logger.warn("the operator's lease cannot be renewed", ["error": "\(error)"]) }
        problem = "\(error)"
      }
      show()
      // One that waits for the others looks more often.
      let isWaiting = problem == nil && !current.isActive
      try? await clock.sleep(for: isWaiting ? duration / 12 : duration / 3)
    }
    // The cancelled task cannot send requests any more.
    await Task { await leave() }.value
  }

  private func renew() async throws {
    for attempt in 1...4 {
      let sentAt = ContinuousClock.now
      let known = state.withLock { state in
        defer { state.unshared = nil }
        return state.unshared
      }
      let lease = if let known { Optional(known) } else { try await client.get(Lease.self, key) }
      let now = Int((ContinuousClock.now - start) / .milliseconds(1))
      let renewal = state.withLock { $0.roll.renewal(of: lease, key: key, at: now, time: clock.now) }
      if let written = try await client.write(renewal.lease) {
        state.withLock {
          $0.roll.noteWritten(renewal)
          $0.membership.renewed(renewal.reply, sentAt: sentAt)
          $0.unshared = renewal.reply.leases.count == 1 ? written : nil
        }
        return
      }
      if known != nil { continue }
      // Another member has written meanwhile; they must not meet again.
      try await clock.sleep(for: .milliseconds(.random(in: 20...100) * attempt))
    }
  }

  private func leave() async {
    guard let lease = try? await client.get(Lease.self, key),
      let rest = state.withLock({ $0.roll.withdrawal(from: lease, at: clock.now) })
    else { return }
    _ = try? await client.write(rest)
  }

  /// Logs a change of the share.
  ///
  /// - Returns: whether there was one.
  @discardableResult
  private func show() -> Bool {
    state.withLock { state in
      let shard = state.membership.shard(at: .now)
      guard shard != state.shown else { return false }
      state.shown = shard
      logger.info(
        "share of the cluster's objects", ["members": "\(shard.members.count)", "active": "\(shard.isActive)"])
      return true
    }
  }
}
