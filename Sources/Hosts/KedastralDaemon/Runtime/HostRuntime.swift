import Kedastral
import KedastralCore
import KedastralNet

/// What each host starts with: the clock, log, metrics and event loop, and the runner, which watches for signals from then on.
struct HostRuntime {
  let clock = SystemWallClock()
  let logger: KedastralLogger
  let metrics = MetricsRegistry()
  let loop: EventLoop
  private let log: StreamLogHandler
  private let runner: ServiceRunner

  init(_ settings: LogConfiguration) async throws {
    log = StreamLogHandler(settings, clock: clock)
    logger = KedastralLogger(log)
    loop = try EventLoop()
    runner = try await ServiceRunner(on: loop, logger: logger)
  }

  /// Runs `services` until a signal or a failure, reloading the configuration meanwhile.
  ///
  /// - Parameters:
  ///   - file: the configuration file to watch.
  ///   - read: reads the configuration again.
  ///   - level: the log level of a configuration.
  ///   - apply: applies a configuration but for the log level, which follows when this has succeeded.
  ///   - windDown: stops accepting and finishes what is in flight.
  func run<Configuration: Sendable>(
    _ services: [ServiceRunner.Service], watching file: WatchedFile?,
    read: @escaping Program.ReadAgain<Configuration>,
    level: @escaping @Sendable (Configuration) -> KedastralLogLevel,
    apply: @escaping @Sendable (Configuration) async throws -> ConfigurationChange,
    windDown: @escaping @Sendable () async -> Void
  ) async throws {
    let reload = ConfigurationReload(of: file, clock: clock, metrics: metrics, logger: logger, read: read) {
      [log] new in
      let change = try await apply(new)
      log.setLevel(level(new))
      return change
    }
    try await runner.run(services, reload: reload.serve, windDown: windDown)
  }
}
