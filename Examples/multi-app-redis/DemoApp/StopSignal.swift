import Glibc
import KedastralNet

/// Waits for SIGTERM or SIGINT.
struct StopSignal: Sendable {
  private let stream: AsyncStream<Void>
  private let watcher: LoopBound<SignalWatcher>

  /// Starts to watch, so that a signal that comes before ``wait()`` counts too.
  init(on loop: EventLoop) async throws {
    let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
    self.stream = stream
    watcher = try await loop.run {
      LoopBound(SignalWatcher(on: loop, signals: [SIGTERM, SIGINT]) { _ in continuation.yield() }, to: loop)
    }
  }

  /// Returns after the first signal, or when the task is cancelled.
  func wait() async {
    for await _ in stream { return }
  }
}
