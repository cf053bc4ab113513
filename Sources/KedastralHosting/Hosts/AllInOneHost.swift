import KedastralConfiguration
import KedastralCore
import KedastralNet

/// The program `kedastral`: forecaster and scaler in one process, `demo`, and the subcommands of ``Commands``.
public enum AllInOneHost {
  /// Runs with a command line's arguments (without the program's name) until a signal; returns the exit code.
  public static func main(_ arguments: [String]) async -> Int32 {
    if let command = Commands.named(arguments.first) { return await command.main(Array(arguments.dropFirst())) }
    return switch arguments.first {
    case "demo": await Demo.main(Array(arguments.dropFirst()))
    case "run": await serve(Array(arguments.dropFirst()))
    default: await serve(arguments)
    }
  }

  private static func serve(_ arguments: [String]) async -> Int32 {
    await Program.main(.allInOne) { loader throws(ConfigurationError) in
      try loader.allInOne(arguments: arguments)
    } run: { configuration in
      let clock = SystemWallClock()
      let logger = Logger(StreamLogHandler(configuration.forecaster.log, clock: clock))
      let loop = try EventLoop()
      let runner = try await ServiceRunner(on: loop, logger: logger)
      let host = try await AllInOneParts(
        configuration, on: loop, clock: clock, logger: logger)
      try await runner.run(host.services) { await host.shutdown() }
    }
  }
}

/// Both halves on one store.
struct AllInOneParts {
  let forecaster: ForecasterParts
  let scaler: ScalerParts
  let services: [ServiceRunner.Service]
  private let store: OpenedStore

  /// Wires the parts; both servers listen when this returns.
  init(
    _ configuration: AllInOneConfiguration, on loop: EventLoop, clock: any WallClock, logger: Logger,
    makeSource: ((WorkloadConfiguration, SourceFactory) throws -> SourceFactory.Made)? = nil
  ) async throws {
    let metrics = MetricsRegistry()
    store = try await OpenedStore(configuration.forecaster.storage, clock: clock, logger: logger)
    scaler = try await ScalerParts(configuration.scaler, clock: clock, metrics: metrics, logger: logger)
    do {
      forecaster = try await ForecasterParts(
        configuration.forecaster, store: store, leadTime: configuration.scaler.leadTime, on: loop, clock: clock,
        metrics: metrics, logger: logger, makeSource: makeSource)
    } catch {
      await scaler.server.shutdown(within: .zero)
      throw error
    }
    services = forecaster.services + [scaler.service(following: store.store.updates())]
    await scaler.server.setReady(true)
  }

  /// Stops accepting and finishes what is in flight.
  func shutdown() async {
    await scaler.server.shutdown(within: .seconds(2))
    await forecaster.server.shutdown(within: .seconds(2))
    await store.close()
  }
}
