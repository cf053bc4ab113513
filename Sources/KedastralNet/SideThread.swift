import Glibc
import Synchronization

/// Threads of the process's own, beside Swift's pool.
enum OwnThread {
  /// A thread could not be had.
  struct StartError: Error, CustomStringConvertible {
    let code: CInt
    var description: String { "pthread_create failed: \(errnoText(code))" }
  }

  private final class Work: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }

  /// Runs `body` on a new thread, which ends with it.
  static func start(_ body: @escaping @Sendable () -> Void) throws(StartError) {
    var thread = pthread_t()
    let context = Unmanaged.passRetained(Work(body))
    let code = pthread_create(
      &thread, nil,
      { context in
        // Taken over from the retain above.
        if let context { Unmanaged<Work>.fromOpaque(context).takeRetainedValue().body() }
        return nil
      }, context.toOpaque())
    guard code == 0 else {
      context.release()
      throw StartError(code: code)
    }
    pthread_detach(thread)
  }
}

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
    // Without one more thread the caller's own does it.
    do throws(OwnThread.StartError) { try OwnThread.start { [self] in finish() } } catch { finish() }
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
