import Kedastral
import KedastralCore
import KedastralHTTP
import KedastralNet
import KedastralSources

/// The program `kedastral-scaler`: serves plans to KEDA, which it follows in a store or at a forecaster.
package enum ScalerHost {
  /// Runs with a command line's arguments (without the program's name) until a signal; returns the exit code.
  package static func main(_ arguments: [String]) async -> Int32 {
    await Program.main(.scaler) { loader throws(ConfigurationError) in
      try loader.scaler(arguments: arguments)
    } run: { configuration, readAgain in
      try await run(configuration, readAgain)
    }
  }

  private static func run(
    _ configuration: ScalerConfiguration, _ readAgain: @escaping Program.ReadAgain<ScalerConfiguration>
  ) async throws {
    let host = try await HostRuntime(configuration.log)
    let (clock, metrics, logger, loop) = (host.clock, host.metrics, host.logger, host.loop)
    BuildInformation.publish(in: metrics)
    let readiness = Readiness(problems: ["plans": "no plan has been received yet"])
    var follower: ForecasterFollower?
    if case .memory = configuration.storage {
      let endpoint = HTTPEndpoint(
        configuration.forecasterURL.text,
        credentials: configuration.forecasterTokenFile.map { .bearer(file: $0) } ?? .none,
        tls: configuration.tls.files,
        deadline: .seconds(5))
      follower = ForecasterFollower(
        ForecasterClient(endpoint: endpoint, client: try HTTPClient(on: loop)), clock: clock, metrics: metrics,
        logger: logger)
    }
    let scaler = try await ScalerParts(
      try ScalerParts.Settings(configuration, metrics: metrics, logger: logger), clock: clock, metrics: metrics,
      logger: logger
    ) { [follower] in follower?.problem(of: $0) }
    let operations = try await OperationsHTTPServer(
      HTTPServerSettings(
        configuration.httpListen, tls: configuration.tls, tokenFile: configuration.httpTokenFile,
        limits: configuration.httpLimits, metrics: metrics, logger: logger), on: loop, clock: clock,
      leadTime: configuration.leadTime, staleAfter: configuration.staleAfter, metrics: metrics, readiness: readiness,
      problem: { [follower] in follower?.problem(of: $0) }, logger: logger)
    logger.info("serving operations", ["address": "\(operations.address)"])

    let externalMetrics = try await ExternalMetricsPart(
      configuration, on: loop, clock: clock, metrics: metrics, logger: logger)

    var services: [ServiceRunner.Service] = []
    var store: OpenedStore?
    switch configuration.storage {
    case .redis:
      let opened = try await OpenedStore(.init(configuration.storage), clock: clock, logger: logger)
      store = opened
      services = [
        scaler.service(following: opened.store.updates()),
        { await operations.follow(opened.store.updates()) },
        scaler.service(relaying: readiness) { readiness.report("store", problem: opened.problem) },
        {
          for await case .put in opened.store.updates() { return readiness.report("plans", problem: nil) }
        },
      ]
      services += externalMetrics?.services(following: opened.store.updates()) ?? []
    case .memory:
      guard let follower else { break }
      services = [
        scaler.service(following: follower.makeUpdates()),
        { [updates = follower.makeUpdates()] in await operations.follow(updates) },
        scaler.service(relaying: readiness),
        {
          try await follower.run { outcome in
            switch outcome {
            case .workloads(let count):
              readiness.report("forecaster", problem: nil)
              if count > 0 { readiness.report("plans", problem: nil) }
            case .problem(let problem): readiness.report("forecaster", problem: problem)
            }
          }
        },
      ]
      services += externalMetrics?.services(following: follower.makeUpdates()) ?? []
    }
    try await host.run(services, watching: configuration.watchedFile, read: readAgain, level: \.log.level) { new in
      ConfigurationChange(needingRestart: new.needingRestart(after: configuration))
    } windDown: { [store] in
      await scaler.server.shutdown(within: .seconds(3))
      await operations.shutdown(within: .seconds(1))
      await externalMetrics?.shutdown()
      await store?.close()
    }
  }
}
