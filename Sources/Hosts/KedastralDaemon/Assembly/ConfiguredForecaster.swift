import Kedastral
import KedastralCore
import KedastralHTTP
import KedastralKubernetes
import KedastralNet
import KedastralSources

/// What a forecaster's configuration says, ready to become its parts.
package struct ConfiguredForecaster: Sendable {
  /// Makes HTTP requests for sources and models.
  package let client: HTTPClient
  let workloads: ConfiguredWorkloads
  private let inbox: PushInbox
  private let clock: any WallClock
  private let configuration: ForecasterConfiguration

  /// Makes the workloads.
  ///
  /// - Throws: when a source or a model cannot be made of its settings, or the access to the cluster is not configured.
  init(
    _ configuration: ForecasterConfiguration, on loop: EventLoop, clock: any WallClock, logger: KedastralLogger,
    registered: RegisteredParts = RegisteredParts()
  ) throws {
    self.configuration = configuration
    self.clock = clock
    client = try HTTPClient(on: loop)
    let cluster = try configuration.kubernetes.map { [client] in
      KubernetesClient(try $0.access(), http: client, clock: clock)
    }
    let sources = SourceFactory(client: client, clock: clock, logger: logger, cluster: cluster)
    inbox = sources.inbox
    workloads = try ConfiguredWorkloads(
      configuration.workloads, factory: WorkloadFactory(sources: sources, registered: registered))
  }

  /// How the parts are to be.
  func settings(
    leadTime: Duration, staleAfter: Duration? = nil, observer: (any ForecastObserver)? = nil,
    metrics: MetricsRegistry, logger: KedastralLogger
  ) throws -> ForecasterParts.Settings {
    var shardLease: Duration?
    if case .redis(_, let lease) = configuration.storage { shardLease = lease }
    return ForecasterParts.Settings(
      http: try HTTPServerSettings(
        configuration.listen, tls: configuration.tls, tokenFile: configuration.httpTokenFile,
        limits: configuration.httpLimits, metrics: metrics, logger: logger),
      leadTime: leadTime, staleAfter: staleAfter, shardLease: shardLease,
      texts: WrittenConfiguration(leadTime: leadTime, scaler: configuration.scalerAddress) { [workloads] in
        workloads.settings(of: $0)
      },
      scorecard: configuration.scorecard,
      receivers: try HTTPReceiver.receivers(
        PushReceiver(inbox, limits: configuration.pushLimits, clock: clock, metrics: metrics, logger: logger),
        tokenFile: configuration.pushTokenFile), observer: observer)
  }

  /// Writes forecasts to a receiver of remote write; nil when none is configured.
  func forecastWriter(metrics: MetricsRegistry, logger: KedastralLogger) -> ForecastWriter? {
    configuration.seriesWrite.map { [workloads] receiver in
      ForecastWriter(
        to: receiver.endpoint, client, series: { workloads.settings(of: $0)?.series }, clock: clock, metrics: metrics,
        logger: logger)
    }
  }

  /// Forecasts other workloads from now on; those whose settings stay are not touched.
  ///
  /// - Throws: when a workload's parts cannot be made; nothing has changed then.
  func replace(workloads new: [WorkloadConfiguration], in parts: ForecasterParts) async throws -> ConfigurationChange {
    try workloads.replace(by: new)
    return ConfigurationChange(workloads: await parts.replace(workloads: workloads.served))
  }
}

/// What a reload changed.
struct ConfigurationChange: Sendable, Equatable {
  /// Which workloads are new, changed or gone.
  var workloads = WorkloadsChange()
  /// Settings that are not as the process runs with, and cannot change while it does.
  var needingRestart: [String] = []
}
