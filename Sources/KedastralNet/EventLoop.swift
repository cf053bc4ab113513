import CEvent
import Glibc
import Synchronization

/// A libevent loop on its own thread, usable as a Swift executor, so that actors can run where their I/O happens.
///
///     actor Echo {
///       nonisolated let loop: EventLoop
///       nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }
///       …
///     }
///
/// C callbacks arrive on the loop's thread and reach such an actor by `assumeIsolated`, without a hop.
/// A loop runs until ``stop()``; first close everything that uses it.
// Safe to share: `base` and `wakeEvent` are touched by other threads through libevent's locked calls alone, the rest is
// constant, atomic or behind the mutex.
package final class EventLoop: SerialExecutor, @unchecked Sendable {
  /// Why a loop could not be started.
  package struct StartError: Error, CustomStringConvertible {
    /// What failed.
    package let problem: String
    package var description: String { "event loop: \(problem)" }
  }

  private enum Work {
    case job(UnownedJob)
    case closure(@Sendable () -> Void)
  }

  /// The libevent base, for the modules that wrap a protocol library.
  package let base: OpaquePointer
  private let wakeEvent: Atomic<UInt>
  private let queue = Mutex<[Work]>([])
  private let threadIdentifier = Atomic<UInt>(0)
  private let stopWaiters = Mutex<(isStopped: Bool, waiters: [CheckedContinuation<Void, Never>])>((false, []))

  /// Starts a loop on a new thread.
  ///
  /// - Throws: ``StartError`` when the process can have no more threads or descriptors.
  package init() throws {
    guard Self.threadingIsReady else { throw StartError(problem: "this libevent has no thread support") }
    guard let base = event_base_new() else { throw StartError(problem: "event_base_new failed: \(errnoText())") }
    self.base = base
    wakeEvent = Atomic(0)
    let context = Unmanaged.passUnretained(self).toOpaque()
    let wake = event_new(base, -1, Int16(EV_PERSIST), { _, _, context in EventLoop.from(context)?.runQueue() }, context)
    guard let wake else {
      event_base_free(base)
      throw StartError(problem: "event_new failed: \(errnoText())")
    }
    wakeEvent.store(UInt(bitPattern: wake), ordering: .relaxed)
    try startThread()
  }

  /// Whether the caller runs on this loop's thread.
  package var isOnLoop: Bool { threadIdentifier.load(ordering: .relaxed) == UInt(pthread_self()) }

  /// Stops the process unless the caller runs on this loop's thread.
  @inline(__always)
  package func preconditionOnLoop() { precondition(isOnLoop, "this must run on its event loop's thread") }

  /// Runs `work` on the loop's thread, after everything that was enqueued before.
  package func execute(_ work: @escaping @Sendable () -> Void) { add(.closure(work)) }

  /// Runs `work` on the loop's thread and returns its result.
  package func run<Result: Sendable>(_ work: @escaping @Sendable () throws -> Result) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
      execute { continuation.resume(with: Swift.Result { try work() }) }
    }
  }

  /// Ends the loop and waits for its thread; work enqueued later never runs.
  package func stop() async {
    execute { [self] in event_base_loopbreak(base) }
    await withCheckedContinuation { continuation in
      let isStopped = stopWaiters.withLock { state in
        if !state.isStopped { state.waiters.append(continuation) }
        return state.isStopped
      }
      if isStopped { continuation.resume() }
    }
  }

  // MARK: SerialExecutor

  package func enqueue(_ job: consuming ExecutorJob) { add(.job(UnownedJob(job))) }

  package func checkIsolated() { preconditionOnLoop() }

  package func asUnownedSerialExecutor() -> UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }

  // MARK: The thread

  /// Made once: libevent's locks must exist before the first base.
  private static let threadingIsReady: Bool = {
    signal(SIGPIPE, SIG_IGN)
    return evthread_use_pthreads() == 0
  }()

  private func startThread() throws {
    var thread = pthread_t()
    let context = Unmanaged.passRetained(self).toOpaque()
    let code = pthread_create(
      &thread, nil,
      { context in
        guard let context else { return nil }
        let loop = Unmanaged<EventLoop>.fromOpaque(context).takeRetainedValue()
        loop.threadIdentifier.store(UInt(pthread_self()), ordering: .relaxed)
        event_base_loop(loop.base, EVLOOP_NO_EXIT_ON_EMPTY)
        loop.finish()
        return nil
      }, context)
    guard code == 0 else {
      Unmanaged<EventLoop>.fromOpaque(context).release()
      throw StartError(problem: "pthread_create failed: \(String(cString: strerror(code)))")
    }
    pthread_detach(thread)
  }

  private func finish() {
    let waiters = stopWaiters.withLock { state in
      state.isStopped = true
      return state.waiters
    }
    for waiter in waiters { waiter.resume() }
  }

  deinit {
    if let wake = OpaquePointer(bitPattern: wakeEvent.load(ordering: .relaxed)) { event_free(wake) }
    event_base_free(base)
  }

  private func add(_ work: Work) {
    let wasEmpty = queue.withLock { queue in
      queue.append(work)
      return queue.count == 1
    }
    if wasEmpty, let wake = OpaquePointer(bitPattern: wakeEvent.load(ordering: .relaxed)) { event_active(wake, 0, 0) }
  }

  private func runQueue() {
    let pending = queue.withLock { queue in
      let pending = queue
      queue.removeAll(keepingCapacity: true)
      return pending
    }
    for work in pending {
      switch work {
      case .job(let job): job.runSynchronously(on: asUnownedSerialExecutor())
      case .closure(let closure): closure()
      }
    }
  }

  private static func from(_ context: UnsafeMutableRawPointer?) -> EventLoop? {
    context.map { Unmanaged<EventLoop>.fromOpaque($0).takeUnretainedValue() }
  }
}

/// The text of the last system call's error on this thread.
package func errnoText(_ code: CInt = errno) -> String { String(cString: strerror(code)) }
