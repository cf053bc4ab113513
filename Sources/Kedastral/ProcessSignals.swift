import Glibc
import KedastralNet

/// The signals that a daemon handles: SIGTERM and SIGINT stop it, SIGHUP reloads its configuration.
///
/// A third termination signal stops the process at once. Several SIGHUP during one reload count as one.
package final class ProcessSignals: Sendable {
  private let loop: EventLoop
  private let watcher: LoopBound<SignalWatcher>
  private let endings: AsyncStream<String>
  /// One element for each reload of the configuration.
  let hangUps: AsyncStream<Void>

  /// Starts to watch on `loop`; only one loop of the process may watch.
  ///
  /// - Parameter reloads: whether SIGHUP reloads the configuration; otherwise it ends the process, as when a terminal closes.
  package init(on loop: EventLoop, reloads: Bool) async throws {
    let (endings, ending) = AsyncStream.makeStream(of: String.self)
    let (hangUps, hangUp) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    self.endings = endings
    self.hangUps = hangUps
    self.loop = loop
    watcher = try await loop.run {
      var count = 0
      let watcher = SignalWatcher(on: loop, signals: [SIGTERM, SIGINT] + (reloads ? [SIGHUP] : [])) { signal in
        guard signal != SIGHUP else {
          hangUp.yield()
          return
        }
        count += 1
        if count > 2 { _exit(128 + signal) }
        ending.yield(signal == SIGINT ? "SIGINT" : "SIGTERM")
      }
      return LoopBound(watcher, to: loop)
    }
  }

  /// Waits for a termination signal and returns its name; nil when the task is cancelled.
  package func next() async -> String? {
    for await signal in endings { return signal }
    return nil
  }

  /// Stops watching.
  package func close() async throws {
    try await loop.run { [watcher] in watcher.withValue { $0.cancel() } }
  }
}
