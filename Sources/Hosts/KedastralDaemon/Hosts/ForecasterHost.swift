import Kedastral
import KedastralCore
import KedastralNet

/// The program `kedastral-forecaster`: forecasts workloads, stores their plans and shows them over HTTP.
package enum ForecasterHost {
  /// Runs with a command line's arguments (without the program's name) until a signal; returns the exit code.
  package static func main(_ arguments: [String], _ parts: RegisteredParts = RegisteredParts()) async -> Int32 {
    await Program.main(.forecaster, parts) { loader throws(ConfigurationError) in
      try loader.forecaster(arguments: arguments)
    } run: { configuration, readAgain in
      try await run(configuration, parts, readAgain)
    }
  }

  private static func run(
    _ configuration: ForecasterConfiguration, _ registered: RegisteredParts,
    _ readAgain: @escaping Program.ReadAgain<ForecasterConfiguration>
  ) async throws {
    let clock = SystemWallClock()
    let log = StreamLogHandler(configuration.log, clock: clock)
    let logger = KedastralLogger(log)
    let metrics = MetricsRegistry()
    let loop = try EventLoop()
    let runner = try await ServiceRunner(on: loop, logger: logger)
    let store = try await OpenedStore(.init(configuration.storage), clock: clock, logger: logger)
    let configured = try ConfiguredForecaster(
      configuration, on: loop, clock: clock, logger: logger, registered: registered)
    let parts = try await ForecasterParts(
      configured.workloads.served, store: store,
      try configured.settings(leadTime: .seconds(300), metrics: metrics, logger: logger), on: loop, clock: clock,
      metrics: metrics, logger: logger)
    let reload = ConfigurationReload(
      of: configuration.watchedFile, clock: clock, metrics: metrics, logger: logger, read: readAgain
    ) { new in
      var change = try await configured.replace(workloads: new.workloads, in: parts)
      log.setLevel(new.log.level)
      change.needingRestart = new.needingRestart(after: configuration)
      return change
    }
    try await runner.run(parts.services, reload: reload.serve) {
      await parts.server?.shutdown(within: .seconds(3))
      await store.close()
    }
  }
}
