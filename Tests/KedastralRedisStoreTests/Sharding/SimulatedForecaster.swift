import Foundation
import KedastralCore
import KedastralTesting
import Synchronization

@testable import KedastralRedisStore

/// A forecaster process: its membership, and the production loops of the workloads it owns.
final class SimulatedForecaster {
  let fence: Fence
  private let workloads: [Workload]
  private let redis: SimulatedRedis
  private let clock: ManualClock
  private let renewalInterval: Duration
  private var nextRenewal: Date
  private var term: Int?
  private var running: [WorkloadName: Running] = [:]
  private var pausedUntil: Date?

  private struct Running {
    let loop: ForecastLoop
    var due: Date
    var failures = 0
  }

  init(
    _ name: String, workloads: [Workload], lease: Duration, redis: SimulatedRedis, clock: ManualClock
  ) {
    self.workloads = workloads
    self.redis = redis
    self.clock = clock
    fence = Fence(MembershipState(member: name, timeToLive: lease - lease / 5), redis: redis, clock: clock)
    renewalInterval = lease / 5
    nextRenewal = clock.now
  }

  var isPaused: Bool { pausedUntil.map { clock.now < $0 } ?? false }

  /// Pauses the whole process, as SIGSTOP does.
  func pause(for duration: Duration) { pausedUntil = max(pausedUntil ?? clock.now, clock.now + duration) }

  /// Pauses between the decision to write plans and their arrival: they are sent when it continues.
  func pauseWhileWriting(for duration: Duration) async {
    guard !isPaused else { return }
    fence.holdWrites()
    for entry in running.values { _ = try? await entry.loop.tick() }
    pause(for: duration)
  }

  func wake() { pausedUntil = clock.now }

  /// What the process does at one moment.
  func step() async {
    fence.releaseWrites()
    if clock.now >= nextRenewal {
      nextRenewal = clock.now + renewalInterval
      // A new member renews at once when its share has changed.
      let before = fence.shard
      fence.renew()
      if fence.shard != before { fence.renew() }
    }
    follow(fence.shard)
    for name in running.keys.sorted() {
      guard var entry = running[name], clock.now >= entry.due else { continue }
      do {
        try await entry.loop.tick()
        entry.failures = 0
        entry.due = clock.now + entry.loop.workload.interval
      } catch {
        entry.failures += 1
        let backoff = Backoff(initial: .seconds(1), maximum: entry.loop.workload.interval)
        entry.due = clock.now + backoff.delay(afterFailures: entry.failures, random: 0.5)
      }
      running[name] = entry
    }
  }

  /// Stops and starts loops as the forecaster host does.
  private func follow(_ shard: Shard) {
    let isNewTerm = shard.term != term
    term = shard.term
    running = running.filter { !isNewTerm && shard.owns($0.key) }
    for workload in workloads where shard.owns(workload.name) && running[workload.name] == nil {
      let store = FencedSimulatedStore(fence: fence, term: shard.term)
      running[workload.name] = Running(loop: ForecastLoop(workload, store: store, clock: clock), due: clock.now)
    }
  }
}

/// A process's permission to write, and its connection to Redis.
final class Fence: Sendable {
  private struct State {
    var membership: MembershipState
    var isHolding = false
    var held: [(snapshot: Snapshot, limit: Int)] = []
  }

  let redis: SimulatedRedis
  private let clock: ManualClock
  private let begin: Date
  private let origin = ContinuousClock.now
  private let state: Mutex<State>

  init(_ membership: MembershipState, redis: SimulatedRedis, clock: ManualClock) {
    self.redis = redis
    self.clock = clock
    begin = clock.now
    state = Mutex(State(membership: membership))
  }

  /// The simulated instant on the process's steady clock.
  private var instant: ContinuousClock.Instant { origin + .seconds(clock.now.timeIntervalSince(begin)) }

  var shard: Shard { state.withLock { $0.membership.shard(at: instant) } }

  func renew() {
    let (member, timeToLive, seen) = state.withLock {
      ($0.membership.member, $0.membership.timeToLive, $0.membership.seen)
    }
    guard let reply = try? redis.renew(member, timeToLive: timeToLive, seen: seen) else { return }
    state.withLock { $0.membership.renewed(reply, sentAt: instant) }
  }

  /// As `ShardMembership.writeLimit(of:term:)`; nil stands for any term.
  func writeLimit(of workload: WorkloadName, term: Int?) -> Int? {
    state.withLock { state in
      let shard = state.membership.shard(at: instant)
      guard shard.owns(workload), term == nil || shard.term == term else { return nil }
      return state.membership.writeLimit(at: instant)
    }
  }

  /// Writes decided from now on are sent later.
  func holdWrites() { state.withLock { $0.isHolding = true } }

  /// Sends the delayed writes, as they were decided.
  func releaseWrites() {
    let held = state.withLock { state in
      defer { state.held = [] }
      state.isHolding = false
      return state.held
    }
    for write in held { _ = try? redis.put(write.snapshot, notAfter: write.limit) }
  }

  func write(_ snapshot: Snapshot, term: Int) throws -> PutOutcome {
    guard let limit = writeLimit(of: snapshot.workload, term: term) else { throw TestFailure("another owns it") }
    let isHeld = state.withLock { state in
      if state.isHolding { state.held.append((snapshot, limit)) }
      return state.isHolding
    }
    if isHeld { throw TestFailure("no answer yet") }
    switch try redis.put(snapshot, notAfter: limit) {
    case .stored: return .stored
    case .superseded: return .superseded
    case .tooLate: throw TestFailure("the lease ran out")
    }
  }
}

/// The store of a process during one term.
private struct FencedSimulatedStore: ForecastStore {
  let fence: Fence
  let term: Int

  func put(_ snapshot: Snapshot) async throws -> PutOutcome { try fence.write(snapshot, term: term) }
  func get(_ workload: WorkloadName) async throws -> Snapshot? { try fence.redis.get(workload) }
  func list() async throws -> [WorkloadName] { [] }
  func remove(_ workload: WorkloadName) async throws {}
  func updates() -> AsyncStream<StoreUpdate> { AsyncStream { $0.finish() } }
}
