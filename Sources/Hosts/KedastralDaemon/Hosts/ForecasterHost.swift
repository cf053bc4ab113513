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
    let host = try await HostRuntime(configuration.log)
    let store = try await OpenedStore(.init(configuration.storage), clock: host.clock, logger: host.logger)
    let configured = try ConfiguredForecaster(
      configuration, on: host.loop, clock: host.clock, logger: host.logger, registered: registered)
    let cluster = ClusterPart(configuration)
    let writer = configured.forecastWriter(metrics: host.metrics, logger: host.logger)
    let parts = try await ForecasterParts(
      configured.workloads.served, store: store,
      try configured.settings(
        leadTime: .seconds(300), observer: ForecastObservers([cluster?.board, writer]),
        metrics: host.metrics, logger: host.logger),
      on: host.loop, clock: host.clock, metrics: host.metrics, logger: host.logger)
    let workloads = MergedWorkloads(configured, parts, file: configuration.workloads)
    let discovery = WorkloadDiscovery(
      configuration, workloads, configured, parts, clock: host.clock, metrics: host.metrics, logger: host.logger)
    let services = try cluster?.services(
      workloads, configured, parts, on: host.loop, clock: host.clock, metrics: host.metrics, logger: host.logger)
    try await host.run(
      parts.services + (services ?? []) + [{ await discovery.run() }, { await writer?.run() }],
      watching: configuration.watchedFile,
      read: readAgain, level: \.log.level
    ) { new in
      var change = try await workloads.replaceFile(new.workloads)
      await discovery.replace(by: new.discovery)
      change.needingRestart = new.needingRestart(after: configuration)
      return change
    } windDown: {
      await parts.server?.shutdown(within: .seconds(3))
      await store.close()
    }
  }
}
