import KedastralConfiguration
import KedastralCore
import KedastralNet

/// The program `kedastral`: `run` (forecaster and scaler in one process, which is also what settings alone mean),
/// `forecaster`, `scaler`, `demo`, and the subcommands of `Commands`.
public enum AllInOneHost {
  /// Runs with a command line's arguments (without the program's name) until a signal; returns the exit code.
  public static func main(_ arguments: [String]) async -> Int32 {
    guard let word = arguments.first, !word.hasPrefix("-") else { return await serve(arguments) }
    let rest = Array(arguments.dropFirst())
    if let command = Commands.named(word) { return await command.main(rest) }
    switch word {
    case "run": return await serve(rest)
    case "forecaster": return await ForecasterHost.main(rest)
    case "scaler": return await ScalerHost.main(rest)
    case "demo": return await Demo.main(rest)
    default:
      let known = Commands.all.map { $0.name } + ["run", "forecaster", "scaler", "demo"]
      let near = Suggestion.nearest(to: word, among: known).map { "; did you mean \($0)?" }
      Program.say(
        "kedastral: unknown command '\(word)'\(near ?? "; known are " + known.sorted().joined(separator: ", "))")
      Program.say("see kedastral --help")
      return ExitCode.askedWrongly
    }
  }

  private static func serve(_ arguments: [String]) async -> Int32 {
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
struct AllInOneParts {
  let forecaster: ForecasterParts
  let scaler: ScalerParts
  let services: [ServiceRunner.Service]
  let metrics = MetricsRegistry()
  private let store: OpenedStore

  /// Wires the parts; both servers listen when this returns.
  init(
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

  /// Stops accepting and finishes what is in flight.
  func shutdown() async {
    await scaler.server.shutdown(within: .seconds(2))
    await forecaster.server.shutdown(within: .seconds(2))
    await store.close()
  }
}
