import KedastralCore
import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A clock that changes only when a test moves it.
///
///     let clock = ManualClock(at: noon)
///     let nap = Task { try await clock.sleep(for: .seconds(30)) }
///     await clock.waitForSleepers(1)
///     clock.advance(by: .seconds(30))   // the nap ends
public final class ManualClock: WallClock {
  private struct State {
    var now: Date
    var nextIdentifier = 0
    var sleepers: [Int: (instant: Date, continuation: CheckedContinuation<Void, any Error>)] = [:]
  }

  private let state: Mutex<State>

  /// Creates a clock that shows `start`.
  public init(at start: Date) { state = Mutex(State(now: start)) }

  public var now: Date { state.withLock { $0.now } }

  /// The number of tasks that sleep on this clock.
  public var sleeperCount: Int { state.withLock { $0.sleepers.count } }

  /// Moves the clock, forwards or back, and wakes sleepers whose time has passed, the earliest first.
  public func advance(by duration: Duration) {
    let woken = state.withLock { state in
      state.now = state.now + duration
      let due = state.sleepers.filter { $0.value.instant <= state.now }
      for identifier in due.keys { state.sleepers[identifier] = nil }
      return due.values.sorted { $0.instant < $1.instant }
    }
    for sleeper in woken { sleeper.continuation.resume() }
  }

  public func sleep(until instant: Date) async throws {
    let identifier = state.withLock { state in
      state.nextIdentifier += 1
      return state.nextIdentifier
    }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let isDue = state.withLock { state in
          if instant <= state.now || Task.isCancelled { return true }
          state.sleepers[identifier] = (instant, continuation)
          return false
        }
        if isDue { continuation.resume() }
      }
      try Task.checkCancellation()
    } onCancel: {
      let sleeper = state.withLock { $0.sleepers.removeValue(forKey: identifier) }
      sleeper?.continuation.resume(throwing: CancellationError())
    }
  }

  /// The instants that tasks sleep until, ascending.
  public var wakeInstants: [Date] { state.withLock { $0.sleepers.values.map(\.instant).sorted() } }

  /// Suspends until exactly one task sleeps on this clock, and until `instant`.
  public func waitForOnlySleeper(until instant: Date) async {
    while wakeInstants != [instant] { await Task.yield() }
  }

  /// Suspends until at least `count` tasks sleep on this clock.
  public func waitForSleepers(_ count: Int) async {
    while sleeperCount < count { await Task.yield() }
  }
}
