import Glibc
import KedastralCore
import KedastralNet

/// Runs long-running parts side by side until a signal comes, the task is cancelled or one of them fails, then shuts
/// down in order.
package struct ServiceRunner {
  /// A part that runs until its task is cancelled.
  package typealias Service = @Sendable () async throws -> Void

  /// The total time limit for shutting down; then the process exits, even if parts have not finished.
  private static let patience: Duration = .seconds(5)

  private let logger: KedastralLogger
  private let signals: ProcessSignals?
  private let endsProcess: Bool

  /// Starts to watch for signals on `loop`; called first, so that no early signal is missed.
  ///
  /// - Parameters:
  ///   - watchesSignals: whether SIGTERM and SIGINT end the run, and SIGHUP reloads.
  ///   - endsProcess: whether the process exits when shutting down takes too long; for programs that do nothing else.
  package init(
    on loop: EventLoop, logger: KedastralLogger, watchesSignals: Bool = true, endsProcess: Bool = true
  ) async throws {
    self.logger = logger
    self.endsProcess = endsProcess
    signals = watchesSignals ? try await ProcessSignals(on: loop, reloads: endsProcess) : nil
  }

  /// Runs `services`, then `windDown` (stop accepting, finish open requests), then cancels the services.
  ///
  /// - Parameter reload: reloads the configuration for each element of the stream, which has one for each SIGHUP.
  /// - Throws: the error of a service that failed; the others are shut down as well.
  package func run(
    _ services: [Service], reload: @escaping @Sendable (AsyncStream<Void>) async -> Void = { _ in },
    windDown: @escaping @Sendable () async -> Void
  ) async throws {
    let failure = await withTaskGroup(of: Ending.self) { group in
      for service in services {
        group.addTask {
          do {
            try await service()
            return .finished
          } catch is CancellationError {
            return .finished
          } catch {
            return .failed(error)
          }
        }
      }
      group.addTask { [signals] in
        if let signals { await reload(signals.hangUps) }
        return .finished
      }
      group.addTask { [logger, signals] in
        if let signals {
          if let signal = await signals.next() { logger.info("shutting down", ["signal": signal]) }
        } else {
          while !Task.isCancelled { try? await Task.sleep(for: .seconds(86_400)) }
        }
        return .asked
      }
      var failure: (any Error)?
      ending: for await ending in group {
        switch ending {
        case .finished: continue
        case .asked: break ending
        case .failed(let error):
          logger.error("a part failed, shutting down", ["error": "\(error)"])
          failure = error
          break ending
        }
      }
      if endsProcess { endProcessIfStuck(isFailure: failure != nil) }
      await windDown()
      group.cancelAll()
      return failure
    }
    try await close()
    if let failure { throw failure }
    logger.info("shut down")
  }

  /// Stops watching for signals, where nothing is run in the end; ``run(_:reload:windDown:)`` does so itself.
  package func close() async throws { try await signals?.close() }

  private enum Ending: Sendable {
    case finished
    case asked
    case failed(any Error)
  }

  private func endProcessIfStuck(isFailure: Bool) {
    Task.detached { [logger] in
      try await Task.sleep(for: Self.patience - .milliseconds(500))
      logger.warn("some parts did not stop in time")
      _exit(isFailure ? 1 : 0)
    }
  }
}
