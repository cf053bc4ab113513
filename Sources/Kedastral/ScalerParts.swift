import KedastralCore
import KedastralGRPC
import KedastralHTTP
import KedastralNet

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The scaler: the gRPC server, and the service that updates its table.
package struct ScalerParts {
  package let server: ScalerServer

  /// How the gRPC server listens and responds.
  package struct Settings {
    var address: ListenAddress
    var tls: TLSIdentity?
    var loops: Int
    var defaults: ScalerDefaults
    var limits: GRPCLimits

    /// - Parameter loops: the number of serving threads; 0 for one per processor, at most eight.
    package init(
      address: ListenAddress, tls: TLSIdentity? = nil, loops: Int = 0, defaults: ScalerDefaults,
      limits: GRPCLimits = GRPCLimits()
    ) {
      self.address = address
      self.tls = tls
      self.loops = loops
      self.defaults = defaults
      self.limits = limits
    }
  }

  /// Starts the server, which listens when this returns.
  ///
  /// - Parameter problem: why a workload has no plan, where that is known.
  package init(
    _ settings: Settings, clock: any WallClock, metrics: MetricsRegistry, logger: KedastralLogger,
    problem: @escaping @Sendable (WorkloadName) -> WorkloadProblem? = { _ in nil }
  ) async throws {
    server = ScalerServer(
      address: settings.address, tls: settings.tls,
      loops: settings.loops > 0 ? settings.loops : min(8, ProcessInfo.processInfo.activeProcessorCount),
      defaults: settings.defaults, limits: settings.limits, clock: clock, metrics: metrics, logger: logger,
      problem: { name in (try? WorkloadName(name)).flatMap(problem)?.sentence(at: clock.now) })
    let address = try await server.start()
    logger.info(
      "serving KEDA",
      ["address": "\(address)", "leadTime": DurationText.format(settings.defaults.leadTime)])
  }

  /// The service to run: the table follows `updates`.
  package func service(following updates: AsyncStream<StoreUpdate>) -> ServiceRunner.Service {
    { [server] in await server.follow(updates) }
  }

  /// The service to run: gRPC's health checks follow `readiness`, which `check` updates every second.
  package func service(
    relaying readiness: Readiness, check: @escaping @Sendable () -> Void = {}
  ) -> ServiceRunner.Service {
    { [server] in
      while true {
        check()
        await server.setReady(readiness.reasons.isEmpty)
        try await Task.sleep(for: .seconds(1))
      }
    }
  }
}
