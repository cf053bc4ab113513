import Foundation
import KedastralCore
import KedastralTesting
import Synchronization

@testable import KedastralRedisStore

/// What Redis does for forecasters, on a test's clock: the rules of `LeaseScript` and `PutScript` in Swift. A test
/// double; the scripts themselves are tested on real servers.
final class SimulatedRedis: Sendable {
  private struct State {
    var isUp = true
    var startedAt: Date
    var leases: [String: MemberLease] = [:]
    var values: [WorkloadName: Snapshot] = [:]
    var accepted: [WorkloadName: [Snapshot]] = [:]
  }

  private let clock: ManualClock
  private let state: Mutex<State>

  init(clock: ManualClock) {
    self.clock = clock
    // It has been running for a long time before the test.
    state = Mutex(State(startedAt: clock.now - .seconds(3600)))
  }

  var isUp: Bool { state.withLock { $0.isUp } }

  /// Everything that was stored for a workload, in order.
  func accepted(_ workload: WorkloadName) -> [Snapshot] { state.withLock { $0.accepted[workload] ?? [] } }

  /// Stops responding.
  func fail(losingData: Bool) {
    state.withLock { state in
      state.isUp = false
      guard losingData else { return }
      state.leases = [:]
      state.values = [:]
      state.startedAt = .distantFuture
    }
  }

  /// Responds again; with lost data, as a restarted server.
  func restart() {
    state.withLock { state in
      state.isUp = true
      state.startedAt = min(state.startedAt, clock.now)
    }
  }

  func renew(_ member: String, timeToLive: Duration, seen: Int) throws -> MembershipState.Reply {
    try answering { state in
      let now = milliseconds(clock.now)
      state.leases = state.leases.filter { $0.value.end > now }
      let wasPresent = state.leases[member] != nil
      state.leases[member] = MemberLease(end: now + Int(timeToLive.inSeconds * 1000), seen: seen)
      return .init(
        now: now, wasPresent: wasPresent, leases: state.leases, uptime: now - milliseconds(state.startedAt))
    }
  }

  func put(_ snapshot: Snapshot, notAfter: Int) throws -> PutScript.Outcome {
    try answering { state in
      if milliseconds(clock.now) >= notAfter { return .tooLate }
      if let present = state.values[snapshot.workload], present.generatedAt > snapshot.generatedAt {
        return .superseded
      }
      state.values[snapshot.workload] = snapshot
      state.accepted[snapshot.workload, default: []].append(snapshot)
      return .stored
    }
  }

  func get(_ workload: WorkloadName) throws -> Snapshot? { try answering { $0.values[workload] } }

  private func answering<Result>(_ body: (inout State) throws -> sending Result) throws -> sending Result {
    try state.withLock { state in
      guard state.isUp else { throw TestFailure("no answer") }
      return try body(&state)
    }
  }

  private func milliseconds(_ instant: Date) -> Int { Int((instant.timeIntervalSince1970 * 1000).rounded()) }
}
