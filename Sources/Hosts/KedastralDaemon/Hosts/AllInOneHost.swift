import KedastralCore
import KedastralNet

/// Forecaster and scaler in one process: `kedastral run`.
package enum AllInOneHost {
  /// Runs with a command line's arguments (without the program's name) until a signal; returns the exit code.
  package static func main(_ arguments: [String]) async -> Int32 {
    await Program.main(.allInOne) { loader throws(ConfigurationError) in
      try loader.allInOne(arguments: arguments)
    } run: { configuration, readAgain in
      let clock = SystemWallClock()
      let log = StreamLogHandler(configuration.forecaster.log, clock: clock)
      let logger = Logger(log)
      let loop = try EventLoop()
      let runner = try await ServiceRunner(on: loop, logger: logger)
      let host = try await AllInOneParts(
        configuration, on: loop, clock: clock, logger: logger)
      let reload = ConfigurationReload(
        of: configuration.forecaster.watchedFile, clock: clock, metrics: host.metrics, logger: logger, read: readAgain
      ) { new in
        var change = try await host.forecaster.replace(workloads: new.forecaster.workloads)
        log.setLevel(new.forecaster.log.level)
        change.needingRestart = new.needingRestart(after: configuration)
        return change
      }
      try await runner.run(host.services, reload: reload.serve) { await host.shutdown() }
    }
  }
}

/// Both halves on one store.
package struct AllInOneParts {
  package let forecaster: ForecasterParts
  package let scaler: ScalerParts
  package let services: [ServiceRunner.Service]
  let metrics = MetricsRegistry()
  private let store: OpenedStore

  /// Wires the parts; both servers listen when this returns.
  package init(
    _ configuration: AllInOneConfiguration, on loop: EventLoop, clock: any WallClock, logger: Logger,
    makeSource: WorkloadFactory.MakeSource? = nil
  ) async throws {
    store = try await OpenedStore(configuration.forecaster.storage, clock: clock, logger: logger)
    forecaster = try await ForecasterParts(
      configuration.forecaster, store: store, leadTime: configuration.scaler.leadTime,
      staleAfter: configuration.scaler.staleAfter, on: loop, clock: clock,
      metrics: metrics, logger: logger, makeSource: makeSource)
    do {
      scaler = try await ScalerParts(configuration.scaler, clock: clock, metrics: metrics, logger: logger) {
        [health = forecaster.health] in health.problem(of: $0)
      }
    } catch {
      await forecaster.server.shutdown(within: .zero)
      throw error
    }
    services = forecaster.services + [scaler.service(following: store.store.updates())]
    await scaler.server.setReady(true)
  }

  /// Stops accepting and finishes open requests.
  package func shutdown() async {
    await scaler.server.shutdown(within: .seconds(2))
    await forecaster.server.shutdown(within: .seconds(2))
    await store.close()
  }
}
