import Glibc
import KedastralNet

/// SIGTERM and SIGINT as a stream. A third signal ends the process at once, for a person who does not want to wait.
final class ShutdownSignals: Sendable {
  private let loop: EventLoop
  private let watcher: LoopBound<SignalWatcher>
  private let stream: AsyncStream<String>

  /// Starts to watch on `loop`, the only one of the process that may.
  init(on loop: EventLoop) async throws {
    let (stream, continuation) = AsyncStream.makeStream(of: String.self)
    self.stream = stream
    self.loop = loop
    watcher = try await loop.run {
      var count = 0
      let watcher = SignalWatcher(on: loop, signals: [SIGTERM, SIGINT]) { signal in
        count += 1
        if count > 2 { _exit(128 + signal) }
        continuation.yield(signal == SIGINT ? "SIGINT" : "SIGTERM")
      }
      return LoopBound(watcher, to: loop)
    }
  }

  /// Waits for a signal and returns its name; nil when the task is cancelled.
  func next() async -> String? {
    for await signal in stream { return signal }
    return nil
  }

  /// Stops watching.
  func close() async throws {
    try await loop.run { [watcher] in watcher.withValue { $0.cancel() } }
  }
}
