import Kedastral
import KedastralCore
import KedastralGRPC
import KedastralHTTP
import KedastralNet
import KedastralRedisStore
import KedastralSources

/// The settings of a forecaster.
package struct ForecasterConfiguration: Sendable, Equatable {
  /// Where HTTP is served.
  package var listen: ListenAddress
  /// What is logged.
  package var log: LogConfiguration
  /// Where plans are kept.
  package var storage: StorageConfiguration
  /// TLS of the listener.
  package var tls: TLSConfiguration
  /// The file with the token that HTTP clients must show; nil when none is asked for.
  package var httpTokenFile: String?
  /// What HTTP clients may take.
  package var httpLimits: HTTPLimits
  /// The file with the token that senders of points must show; nil for the token of HTTP clients.
  package var pushTokenFile: String? = nil
  /// What senders of points may take.
  package var pushLimits = PushLimits()
  /// Where forecasts are written with their future times; nil for nowhere.
  package var seriesWrite: SeriesWriteConfiguration? = nil
  /// Where KEDA reaches the scaler, for ScaledObjects to copy.
  package var scalerAddress: ListenAddress
  /// The workloads, no two with the same name; at least one, unless others are discovered or policies of a cluster are forecast.
  package var workloads: [WorkloadConfiguration]
  /// Where further workloads are discovered.
  package var discovery: [DiscoveryConfiguration] = []
  /// The cluster whose policies are forecast as well; nil for none.
  package var kubernetes: KubernetesConfiguration? = nil
  /// What plans are compared with; its lead time and staleness are the host's.
  package var scorecard = ScorecardSettings()
  /// The configuration file, when changes of it are to be applied while the process runs.
  package var watchedFile: WatchedFile? = nil
}

/// A receiver of Prometheus's remote write.
package struct SeriesWriteConfiguration: Sendable, Equatable {
  /// Where requests are posted.
  package var url: WebURL
  /// The file with the bearer token to send; nil for none.
  package var tokenFile: String?
  /// The file with the authorities to trust; nil for those of the system.
  package var caFile: String?

  var endpoint: HTTPEndpoint {
    HTTPEndpoint(
      url.text, credentials: tokenFile.map { .bearer(file: $0) } ?? .none, tls: .init(authorities: caFile),
      maximumAnswerBytes: 1 << 20)
  }
}

/// The access to a cluster.
package struct KubernetesConfiguration: Sendable, Equatable {
  /// The kubeconfig; nil for the service account of the pod.
  package var kubeconfig: String?
  /// The only namespace whose policies are forecast; nil for all.
  package var namespace: String?
  /// With what the policies' triggers authenticate at the scaler; nil for plain text.
  package var triggerAuthentication: TriggerAuthentication? = nil
}

/// The settings of a scaler.
package struct ScalerConfiguration: Sendable, Equatable {
  /// Where gRPC is served.
  package var listen: ListenAddress
  /// Where health and metrics are served.
  package var httpListen: ListenAddress
  /// Where plans come from: with storage `memory` from this forecaster, with `redis` from there.
  package var forecasterURL: WebURL
  /// Where plans are kept.
  package var storage: StorageConfiguration
  /// How far ahead an answer looks; not negative.
  package var leadTime: Duration
  /// The age from which a plan is not served; positive.
  package var staleAfter: Duration
  /// What is logged.
  package var log: LogConfiguration
  /// TLS of the listeners and of the connection to the forecaster.
  package var tls: TLSConfiguration
  /// The file with the token that HTTP clients must show; nil when none is asked for.
  package var httpTokenFile: String?
  /// The file with the token to show to the forecaster; nil when none is shown.
  package var forecasterTokenFile: String?
  /// Threads that answer gRPC calls; 0 for one a core.
  package var loops: Int
  /// What gRPC clients may take.
  package var grpcLimits: GRPCLimits
  /// What HTTP clients may take.
  package var httpLimits: HTTPLimits
  /// The API for autoscalers; nil for none.
  package var externalMetrics: ExternalMetricsConfiguration? = nil
  /// The configuration file, when changes of it are to be applied while the process runs.
  package var watchedFile: WatchedFile? = nil
}

/// The aggregated API from which autoscalers read plans.
package struct ExternalMetricsConfiguration: Sendable, Equatable {
  /// Where HTTPS is served.
  package var listen: ListenAddress
  /// The file with the authorities of the API server's client certificate; nil to read them, and the names, from the cluster.
  package var clientAuthority: String?
  /// The common names of which that certificate must have one; empty for any.
  package var clientNames: [String] = []
  /// The kubeconfig with the access to the cluster; nil for the service account of the pod.
  package var kubeconfig: String? = nil
}

/// The settings of forecaster and scaler in one process: they share storage, log and TLS.
package struct AllInOneConfiguration: Sendable, Equatable {
  /// The forecaster's part.
  package var forecaster: ForecasterConfiguration
  /// The scaler's part; its forecaster URL and HTTP address mean nothing here.
  package var scaler: ScalerConfiguration
}

/// What is logged, and how.
package struct LogConfiguration: Sendable, Equatable {
  /// The form of the lines.
  package var format: LogFormat
  /// The least urgent lines.
  package var level: KedastralLogLevel
}

/// The files of TLS. Whether they exist and fit has not been looked at.
package struct TLSConfiguration: Sendable, Equatable {
  /// Whether TLS is used.
  package var isEnabled: Bool
  /// The own certificate and key, and the authorities that must have issued the peer's certificate.
  package var files = TLSContext.Files()
  /// The oldest TLS version that listeners accept.
  package var minVersion = TLSContext.MinimumVersion.v1_3
  /// Names of which a client's certificate must have one; empty when any will do.
  package var clientNames: [String] = []
}

/// Where plans are kept.
package enum StorageConfiguration: Sendable, Equatable {
  /// In the process.
  case memory
  /// In Redis; a dead forecaster's workloads wait for `shardLease`, nil when every forecaster forecasts all workloads.
  case redis(RedisConfiguration, shardLease: Duration?)
}
