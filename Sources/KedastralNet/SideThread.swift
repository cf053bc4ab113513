import Glibc
import Synchronization

/// Runs work, one piece after the other, on a thread that exists only while there is some.
///
/// For work that takes milliseconds and must not wait for Swift's thread pool, which the fits of models may occupy for minutes.
///
///     side.run { render() }
package final class SideThread: Sendable {
  private struct State {
    var work: [@Sendable () -> Void] = []
    var isRunning = false
  }

  private let state = Mutex(State())

  /// Creates one that has nothing to do.
  package init() {}

  /// Runs `work` after everything that was handed over before.
  package func run(_ work: @escaping @Sendable () -> Void) {
    let isFirst = state.withLock { state in
      state.work.append(work)
      defer { state.isRunning = true }
      return !state.isRunning
    }
    guard isFirst else { return }
    var thread = pthread_t()
    let context = Unmanaged.passRetained(self).toOpaque()
    let code = pthread_create(
      &thread, nil,
      { context in
        guard let context else { return nil }
        // Taken over from the retain above.
        Unmanaged<SideThread>.fromOpaque(context).takeRetainedValue().finish()
        return nil
      }, context)
    guard code == 0 else {
      // Without one more thread the caller's own does it.
      Unmanaged<SideThread>.fromOpaque(context).release()
      return finish()
    }
    pthread_detach(thread)
  }

  private func finish() {
    while let work = next() { work() }
  }

  private func next() -> (@Sendable () -> Void)? {
    state.withLock { state in
      guard !state.work.isEmpty else {
        state.isRunning = false
        return nil
      }
      return state.work.removeFirst()
    }
  }
}
