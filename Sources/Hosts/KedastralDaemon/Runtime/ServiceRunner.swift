import Glibc
import KedastralCore
import KedastralNet

/// Runs a host's long-running parts concurrently until a signal arrives or one of them fails, then shuts down in order.
package struct ServiceRunner {
  /// A part that runs until its task is cancelled.
  package typealias Service = @Sendable () async throws -> Void

  /// How long winding down may take in all; the process ends then, whatever still hangs.
  static let patience: Duration = .seconds(5)

  private let logger: Logger
  private let signals: ProcessSignals

  /// Starts to watch for signals on `loop`; called first, so that no early signal is missed.
  package init(on loop: EventLoop, logger: Logger) async throws {
    self.logger = logger
    signals = try await ProcessSignals(on: loop, reloads: true)
  }

  /// Runs `services`, then `windDown` (stop accepting, finish open requests), then cancels the services.
  ///
  /// - Parameter reload: reloads the configuration for each element of the stream, which has one for each SIGHUP.
  /// - Throws: the error of a service that failed; the others are wound down all the same.
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
        await reload(signals.hangUps)
        return .finished
      }
      group.addTask { [logger, signals] in
        if let signal = await signals.next() { logger.info("shutting down", ["signal": signal]) }
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
      endProcessIfStuck(isFailure: failure != nil)
      await windDown()
      group.cancelAll()
      return failure
    }
    try await signals.close()
    if let failure { throw failure }
    logger.info("shut down")
  }

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
