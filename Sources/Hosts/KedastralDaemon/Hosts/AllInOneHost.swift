import Kedastral
import KedastralCore
import KedastralNet

/// Forecaster and scaler in one process: `kedastral run`.
package enum AllInOneHost {
  /// Runs with a command line's arguments (without the program's name) until a signal; returns the exit code.
  package static func main(_ arguments: [String], _ parts: RegisteredParts = RegisteredParts()) async -> Int32 {
    await Program.main(.allInOne, parts) { loader throws(ConfigurationError) in
      try loader.allInOne(arguments: arguments)
    } run: { configuration, readAgain in
      let host = try await HostRuntime(configuration.forecaster.log)
      let parts = try await AllInOneParts(
        configuration, on: host.loop, clock: host.clock, metrics: host.metrics, logger: host.logger, registered: parts)
      try await host.run(
        parts.services, watching: configuration.forecaster.watchedFile, read: readAgain,
        level: \.forecaster.log.level
      ) { new in
        var change = try await parts.workloads.replaceFile(new.forecaster.workloads)
        await parts.discovery.replace(by: new.forecaster.discovery)
        change.needingRestart = new.needingRestart(after: configuration)
        return change
      } windDown: {
        await parts.shutdown()
      }
    }
  }
}

/// Both halves on one store, as a configuration says.
package struct AllInOneParts {
  package let configured: ConfiguredForecaster
  package let parts: ServiceParts
  let workloads: MergedWorkloads
  let discovery: WorkloadDiscovery
  /// The services to run.
  let services: [ServiceRunner.Service]
  private let store: OpenedStore
  private let externalMetrics: ExternalMetricsPart?

  /// Wires the parts; both servers listen when this returns.
  package init(
    _ configuration: AllInOneConfiguration, on loop: EventLoop, clock: any WallClock, metrics: MetricsRegistry,
    logger: KedastralLogger,
    registered: RegisteredParts = RegisteredParts()
  ) async throws {
    store = try await OpenedStore(.init(configuration.forecaster.storage), clock: clock, logger: logger)
    configured = try ConfiguredForecaster(
      configuration.forecaster, on: loop, clock: clock, logger: logger, registered: registered)
    let scaler = configuration.scaler
    let cluster = ClusterPart(configuration.forecaster, staleAfter: scaler.staleAfter)
    let writer = configured.forecastWriter(metrics: metrics, logger: logger)
    parts = try await ServiceParts(
      configured.workloads.served, store: store,
      forecaster: configured.settings(
        leadTime: scaler.leadTime, staleAfter: scaler.staleAfter,
        observer: ForecastObservers([cluster?.board, writer]), metrics: metrics, logger: logger),
      scaler: ScalerParts.Settings(scaler, metrics: metrics, logger: logger), on: loop, clock: clock,
      metrics: metrics, logger: logger)
    workloads = MergedWorkloads(configured, parts.forecaster, file: configuration.forecaster.workloads)
    externalMetrics = try await ExternalMetricsPart(
      scaler, on: loop, clock: clock, metrics: metrics, logger: logger)
    let discovery = WorkloadDiscovery(
      configuration.forecaster, workloads, configured, parts.forecaster, clock: clock, metrics: metrics, logger: logger)
    self.discovery = discovery
    services =
      parts.services + [{ await discovery.run() }, { await writer?.run() }]
      + (externalMetrics?.services(following: store.store.updates()) ?? [])
      + (try cluster?.services(
        workloads, configured, parts.forecaster, on: loop, clock: clock, metrics: metrics, logger: logger) ?? [])
  }

  /// Stops accepting and finishes open requests.
  package func shutdown() async {
    await parts.shutdown()
    await externalMetrics?.shutdown()
    await store.close()
  }
}
