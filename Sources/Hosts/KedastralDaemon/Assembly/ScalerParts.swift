import FoundationEssentials
import KedastralCore
import KedastralGRPC
import KedastralHTTP
import KedastralNet

/// The serving half of a host: the gRPC server, and what fills its table.
package struct ScalerParts {
  package let server: ScalerServer

  /// Starts the server, which listens when this returns.
  ///
  /// - Parameter problem: why a workload has no plan, where that is known.
  init(
    _ configuration: ScalerConfiguration, clock: any WallClock, metrics: MetricsRegistry, logger: Logger,
    problem: @escaping @Sendable (WorkloadName) -> WorkloadProblem? = { _ in nil }
  ) async throws {
    let tls = try TLSIdentity(
      configuration.tls, listener: "grpc", protocols: ["h2"], clients: .required, metrics: metrics, logger: logger)
    server = ScalerServer(
      address: ListenAddress(configuration.listen),
      tls: tls,
      loops: configuration.loops > 0 ? configuration.loops : min(8, ProcessInfo.processInfo.activeProcessorCount),
      defaults: ScalerDefaults(leadTime: configuration.leadTime, staleAfter: configuration.staleAfter),
      limits: GRPCLimits(configuration.grpcLimits), clock: clock, metrics: metrics, logger: logger,
      problem: { name in (try? WorkloadName(name)).flatMap(problem)?.sentence(at: clock.now) })
    let address = try await server.start()
    logger.info(
      "serving KEDA",
      ["address": "\(address)", "leadTime": DurationText.format(configuration.leadTime)])
  }

  /// What must run: the table follows `updates`.
  func service(following updates: AsyncStream<StoreUpdate>) -> ServiceRunner.Service {
    { [server] in await server.follow(updates) }
  }

  /// What must run: gRPC's health checks say what `readiness` says, which `check` brings up to date each second.
  func service(relaying readiness: Readiness, check: @escaping @Sendable () -> Void = {}) -> ServiceRunner.Service {
    { [server] in
      while true {
        check()
        await server.setReady(readiness.reasons.isEmpty)
        try await Task.sleep(for: .seconds(1))
      }
    }
  }
}
