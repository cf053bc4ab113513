import Kedastral
import KedastralCore
import KedastralSources

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension WorkloadDiscovery {
  /// The discovery of a forecaster.
  init(
    _ configuration: ForecasterConfiguration, _ workloads: MergedWorkloads, _ configured: ConfiguredForecaster,
    _ parts: ForecasterParts, clock: any WallClock, metrics: MetricsRegistry, logger: KedastralLogger
  ) {
    self.init(
      configuration.discovery,
      read: { [client = configured.client] settings, now in
        try await settings.read(client: client, logger: logger, at: now)
      },
      replace: { try await workloads.replaceDiscovered($0) },
      report: { parts.report("discovery", problem: $0) }, clock: clock, metrics: metrics, logger: logger)
  }
}

extension DiscoveryConfiguration {
  /// Reads the values of the label.
  ///
  /// - Throws: ``SourceError``, or `CancellationError`.
  package func read(client: HTTPClient, logger: KedastralLogger, at now: Date) async throws -> LabelValues {
    try await LabelValues.read(
      label, of: source.query, at: source.endpoint, partialResponse: source.partialResponse, client: client,
      logger: logger, instant: now, expectedSeries: limit)
  }
}
