import Kedastral
import KedastralCore
import KedastralHTTP
import KedastralKubernetes
import KedastralNet
import KedastralSources

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The aggregated API of a scaler, from which autoscalers read plans without KEDA.
struct ExternalMetricsPart: Sendable {
  /// How often what the cluster publishes is read again.
  private static let refreshInterval = Duration.seconds(300)
  private static let retry = Backoff(initial: .seconds(2), maximum: .seconds(60))

  private let settings: ExternalMetricsConfiguration
  private let tls: TLSConfiguration
  private let limits: HTTPLimits
  private let server: ExternalMetricsHTTPServer
  private let trust: AggregatorTrust?
  private let clock: any WallClock
  private let metrics: MetricsRegistry
  private let logger: KedastralLogger

  /// - Returns: nil when no such API is configured.
  /// - Throws: when the access to the cluster is not configured.
  init?(
    _ configuration: ScalerConfiguration, on loop: EventLoop, clock: any WallClock, metrics: MetricsRegistry,
    logger: KedastralLogger
  ) async throws {
    guard let settings = configuration.externalMetrics else { return nil }
    self.settings = settings
    tls = configuration.tls
    limits = configuration.httpLimits
    (self.clock, self.metrics, self.logger) = (clock, metrics, logger)
    server = try await ExternalMetricsHTTPServer(
      on: loop, clock: clock, leadTime: configuration.leadTime, staleAfter: configuration.staleAfter, metrics: metrics,
      logger: logger)
    trust =
      settings.clientAuthority == nil
      ? try AggregatorTrust(
        KubernetesClient(
          try KubernetesConfiguration(kubeconfig: settings.kubeconfig, namespace: nil).access(),
          http: try HTTPClient(on: loop), clock: clock)) : nil
  }

  /// The services to run.
  func services(following updates: AsyncStream<StoreUpdate>) -> [ServiceRunner.Service] {
    [{ [server] in await server.follow(updates) }, { [self] in try await run() }]
  }

  private func run() async throws {
    try await untilRead()
    var files = tls.files
    files.authorities = settings.clientAuthority ?? trust?.path
    let report = TLSReport(listener: "external-metrics", metrics: metrics, logger: logger)
    let identity = try TLSIdentity(
      .server, files: files, minimumVersion: tls.minVersion, clients: .requested, onChange: { report.tell($0) },
      commonNames: { [settings, trust] in trust?.names ?? settings.clientNames })
    var server = HTTPServerSettings(address: settings.listen, tls: identity)
    server.limits = limits
    let address = try await self.server.listen(server)
    logger.info("serving external metrics to the API server", ["address": "\(address)"])
    guard let trust else { return }
    while true {
      try await clock.sleep(for: Self.refreshInterval)
      do {
        try await trust.read()
      } catch let error as KubernetesError {
        logger.warn("the API server's authority cannot be read again", ["error": "\(error)"])
      }
    }
  }

  /// Waits until the cluster has said who its API server is: without that, no client may be answered.
  private func untilRead() async throws {
    guard let trust else { return }
    var failures = 0
    while true {
      do {
        return try await trust.read()
      } catch let error as KubernetesError {
        failures += 1
        logger.warn("external metrics wait for the API server's authority", ["error": "\(error)"])
        try await clock.sleep(for: Self.retry.delay(afterFailures: failures))
      }
    }
  }

  /// Stops accepting and finishes open requests.
  func shutdown() async { await server.shutdown(within: .seconds(1)) }
}
