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
    /// Those that wait for sleepers.
    var observers: [(isMet: @Sendable ([Date]) -> Bool, continuation: CheckedContinuation<Void, Never>)] = []

    /// Takes the observers whose condition is met now.
    mutating func takeMetObservers() -> [CheckedContinuation<Void, Never>] {
      guard !observers.isEmpty else { return [] }
      let instants = sleepers.values.map(\.instant).sorted()
      // The met ones come to stand behind the others.
      let firstMet = observers.partition { $0.isMet(instants) }
      defer { observers.removeSubrange(firstMet...) }
      return observers[firstMet...].map(\.continuation)
    }
  }

  private let state: Mutex<State>

  /// Creates a clock that shows `start`.
  public init(at start: Date) { state = Mutex(State(now: start)) }

  public var now: Date { state.withLock { $0.now } }

  /// The number of tasks that sleep on this clock.
  public var sleeperCount: Int { state.withLock { $0.sleepers.count } }

  /// Moves the clock, forwards or back, and wakes sleepers whose time has passed, the earliest first.
  public func advance(by duration: Duration) {
    let (woken, observers) = state.withLock { state in
      state.now = state.now + duration
      let due = state.sleepers.filter { $0.value.instant <= state.now }
      for identifier in due.keys { state.sleepers[identifier] = nil }
      return (due.values.sorted { $0.instant < $1.instant }, state.takeMetObservers())
    }
    for sleeper in woken { sleeper.continuation.resume() }
    for observer in observers { observer.resume() }
  }

  public func sleep(until instant: Date) async throws {
    let identifier = state.withLock { state in
      state.nextIdentifier += 1
      return state.nextIdentifier
    }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let (isDue, observers) = state.withLock { state -> (Bool, [CheckedContinuation<Void, Never>]) in
          if instant <= state.now || Task.isCancelled { return (true, []) }
          state.sleepers[identifier] = (instant, continuation)
          return (false, state.takeMetObservers())
        }
        if isDue { continuation.resume() }
        for observer in observers { observer.resume() }
      }
      try Task.checkCancellation()
    } onCancel: {
      let (sleeper, observers) = state.withLock { state in
        (state.sleepers.removeValue(forKey: identifier), state.takeMetObservers())
      }
      sleeper?.continuation.resume(throwing: CancellationError())
      for observer in observers { observer.resume() }
    }
  }

  /// The instants that tasks sleep until, ascending.
  public var wakeInstants: [Date] { state.withLock { $0.sleepers.values.map(\.instant).sorted() } }

  /// Suspends until exactly one task sleeps on this clock, and until `instant`.
  public func waitForOnlySleeper(until instant: Date) async {
    await waitForSleepers { $0 == [instant] }
  }

  /// Suspends until at least `count` tasks sleep on this clock.
  public func waitForSleepers(_ count: Int) async {
    await waitForSleepers { $0.count >= count }
  }

  private func waitForSleepers(_ isMet: @escaping @Sendable ([Date]) -> Bool) async {
    await withCheckedContinuation { continuation in
      let observers = state.withLock { state in
        state.observers.append((isMet, continuation))
        return state.takeMetObservers()
      }
      for observer in observers { observer.resume() }
    }
  }
}
