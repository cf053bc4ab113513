import Kedastral
import KedastralCore
import KedastralNet
import KedastralRedisStore
import KedastralSources

/// The sections of a configuration file, as they are written; everything is optional and wherever it may be missing, a default holds.
struct ConfigurationFile: Decodable, Sendable {
  var listen: Located<ListenAddress>?
  var watchConfig: Located<Bool>?
  var log: LogSection?
  var tls: TLSSection?
  var httpTokenFile: Located<String>?
  var pushTokenFile: Located<String>?
  var seriesWrite: SeriesWriteSection?
  var limits: LimitsSection?
  var storage: StorageSection?
  var scaler: ScalerSection?
  var scorecard: ScorecardSection?
  var kubernetes: KubernetesSection?
  var externalMetrics: ExternalMetricsSection?
  var defaults: WorkloadSection?
  var workloads: [Section<WorkloadSection>]?
  var discovery: [Section<DiscoverySection>]?
}

struct LogSection: Decodable, Sendable {
  var format: Located<LogFormat>?
  var level: Located<KedastralLogLevel>?
}

struct TLSSection: Decodable, Sendable {
  var enabled: Located<Bool>?
  var certFile: Located<String>?
  var keyFile: Located<String>?
  var caFile: Located<String>?
  var minVersion: Located<TLSContext.MinimumVersion>?
  var clientNames: Located<[String]>?
}

struct SeriesWriteSection: Decodable, Sendable {
  var url: Located<WebURL>?
  var tokenFile: Located<String>?
  var caFile: Located<String>?
}

struct LimitsSection: Decodable, Sendable {
  var grpc: GRPCLimitsSection?
  var http: HTTPLimitsSection?
  var push: PushLimitsSection?
}

struct PushLimitsSection: Decodable, Sendable {
  var bodyBytes: Located<Int>?
  var points: Located<Int>?
}

struct GRPCLimitsSection: Decodable, Sendable {
  var connections: Located<Int>?
  var streams: Located<Int>?
  var messageBytes: Located<Int>?
  var headerBytes: Located<Int>?
  var bufferedBytes: Located<Int>?
  var handshakeTimeout: Located<Duration>?
  var requestTimeout: Located<Duration>?
  var writeTimeout: Located<Duration>?
  var idleTimeout: Located<Duration>?
  var keepAliveInterval: Located<Duration>?
  var keepAliveTimeout: Located<Duration>?
  var connectionAge: Located<Duration>?
  var connectionAgeGrace: Located<Duration>?
  var resetBurst: Located<Int>?
  var resetsPerSecond: Located<Int>?
  var idleFrameBurst: Located<Int>?
  var idleFramesPerSecond: Located<Int>?
}

struct HTTPLimitsSection: Decodable, Sendable {
  var connections: Located<Int>?
  var headerBytes: Located<Int>?
  var requestTimeout: Located<Duration>?
  var idleTimeout: Located<Duration>?
  var writeTimeout: Located<Duration>?
}

struct StorageSection: Decodable, Sendable {
  var type: Located<StorageKind>?
  var redis: RedisSection?
}

struct RedisSection: Decodable, Sendable {
  var url: Located<RedisURL>?
  var addr: Located<RemoteAddress>?
  var username: Located<String>?
  var password: Located<Secret>?
  var passwordFile: Located<String>?
  var db: Located<Int>?
  var ttl: Located<Duration>?
  var prefix: Located<String>?
  var readPrefixes: Located<[String]>?
  var sentinels: Located<[ListenAddress]>?
  var sentinelMaster: Located<String>?
  var sentinelUsername: Located<String>?
  var sentinelPassword: Located<Secret>?
  var cluster: Located<Bool>?
  var tls: Located<Bool>?
  var tlsCaFile: Located<String>?
  var tlsCertFile: Located<String>?
  var tlsKeyFile: Located<String>?
  var tlsServerName: Located<String>?
  var shardLease: Located<Duration>?
}

struct ScalerSection: Decodable, Sendable {
  var address: Located<ListenAddress>?
  var listen: Located<ListenAddress>?
  var httpListen: Located<ListenAddress>?
  var forecasterUrl: Located<WebURL>?
  var leadTime: Located<Duration>?
  var staleAfter: Located<Duration>?
  var forecasterTokenFile: Located<String>?
  var loops: Located<Int>?
}

struct ScorecardSection: Decodable, Sendable {
  var startup: Located<Duration>?
  var utilization: Located<Double>?
  var price: Located<Double>?
}

struct KubernetesSection: Decodable, Sendable {
  var enabled: Located<Bool>?
  var kubeconfig: Located<String>?
  var namespace: Located<String>?
  var triggerAuthentication: Located<TriggerAuthentication>?
}

struct ExternalMetricsSection: Decodable, Sendable {
  var listen: Located<ListenAddress>?
  var clientCaFile: Located<String>?
  var clientNames: Located<[String]>?
}

/// A workload, or the defaults of all workloads.
struct WorkloadSection: Decodable, Sendable {
  var name: Located<WorkloadName>?
  var metric: Located<String>?
  var source: Section<SourceSection>?
  var model: ModelSection?
  var policy: PolicySection?
  var horizon: Located<Duration>?
  var step: Located<Duration>?
  var interval: Located<Duration>?
  var window: Located<Duration>?
  var settleTime: Located<Duration>?
  var maxSampleAge: Located<Duration>?
  var bridge: Located<Duration>?
  var leadTime: Located<LeadTimeChoice>?
  var leadTimeQuery: Located<String>?
  var replicasQuery: Located<String>?
  var dropWhileStarting: Located<Bool>?
  var startingPodsQuery: Located<String>?
  var labels: Located<StringMap>?
  var timeZone: Located<TimeZoneName>?
  var calendar: CalendarSection?
  var covariates: [Section<CovariateSection>]?
  var dryRun: Located<Bool>?
  var series: SeriesSection?
  var otherMetrics: [Section<MetricSection>]?
}

/// The days and hours on which the load differs from its pattern.
struct CalendarSection: Decodable, Sendable {
  var country: Located<CountryCode>?
  var holidaysFile: Located<String>?
  var eventsFile: Located<String>?
  var days: [Section<CalendarDaySection>]?
}

/// One of them.
struct CalendarDaySection: Decodable, Sendable {
  var name: Located<String>?
  var date: Located<CivilDate>?
  var start: Located<CalendarTime>?
  var end: Located<CalendarTime>?
  var before: Located<Duration>?
  var after: Located<Duration>?
  var like: Located<CalendarLikeness>?
  var load: Located<Double>?
}

/// Another series that may tell how the load develops.
struct CovariateSection: Decodable, Sendable {
  var name: Located<String>?
  var query: Located<String>?
  var source: Section<SourceSection>?
  var schedule: Located<String>?
}

/// The parts of the forecast that are exported as metrics.
struct SeriesSection: Decodable, Sendable {
  var ahead: Located<[Duration]>?
  var quantiles: Located<[ExportedQuantile]>?
  var write: Located<Duration>?
}

/// A further metric of a workload; missing settings are those of the workload.
struct MetricSection: Decodable, Sendable {
  var metric: Located<String>?
  var source: Section<SourceSection>?
  var model: ModelSection?
  var policy: PolicySection?
}

struct SourceSection: Decodable, Sendable {
  var type: Located<SourceKind>?
  var url: Located<WebURL>?
  var query: Located<String>?
  var label: Located<String>?
  var labelValue: Located<String>?
  var partialResponse: Located<PrometheusSource.PartialResponse>?
  var method: Located<HTTPMethod>?
  var headers: Located<SecretMap>?
  var body: Located<String>?
  var valuePath: Located<String>?
  var timestampPath: Located<String>?
  var timestampFormat: Located<HTTPSource.TimestampFormat>?
  var templateVars: Located<SecretMap>?
  var path: Located<String>?
  var speed: Located<Double>?
  var metric: Located<String>?
  var labels: Located<StringMap>?
  var attributes: Located<StringMap>?
  var rate: Located<Bool>?
  var address: Located<RemoteAddress>?
  var serverName: Located<String>?
  var namespace: Located<String>?
  var scaledObject: Located<String>?
  var trigger: Located<String>?
  var bootstrap: Located<String>?
  var bearerToken: Located<Secret>?
  var bearerTokenFile: Located<String>?
  var basicUser: Located<String>?
  var basicPassword: Located<Secret>?
  var caFile: Located<String>?
  var certFile: Located<String>?
  var keyFile: Located<String>?
  var timeout: Located<Duration>?
  var proxy: Located<HTTPProxy>?
}

/// `model: baseline`, or a mapping with the model's settings.
struct ModelSection: Decodable, Sendable {
  var name: Located<String>?
  var byomURL: Located<WebURL>?
  /// p, d, q, P, D, Q, s.
  var orders: [Located<Int>?]

  private enum Key: String, CodingKey {
    case name, byomUrl, p, d, q, seasonalP = "P", seasonalD = "D", seasonalQ = "Q", s
  }

  init(from decoder: any Decoder) throws {
    if let node = (decoder as? YAMLNodeDecoder)?.node, case .scalar = node {
      name = try Located<String>(from: decoder)
      orders = Array(repeating: nil, count: 7)
      return
    }
    let keys = try decoder.container(keyedBy: Key.self)
    name = try keys.decodeIfPresent(Located<String>.self, forKey: .name)
    byomURL = try keys.decodeIfPresent(Located<WebURL>.self, forKey: .byomUrl)
    orders = try [Key.p, .d, .q, .seasonalP, .seasonalD, .seasonalQ, .s].map {
      try keys.decodeIfPresent(Located<Int>.self, forKey: $0)
    }
  }
}

struct PolicySection: Decodable, Sendable {
  var targetPerPod: Located<Double>?
  var headroom: Located<Double>?
  var quantileLevel: Located<QuantileLevel>?
  var shortageCost: Located<Double>?
  var objective: Located<ObjectiveShare>?
  var min: Located<Int>?
  var max: Located<Int>?
  var upMaxFactor: Located<Double>?
  var downMaxPercent: Located<Double>?
  var prewarmSteps: Located<Int>?
  var rounding: Located<StandardCapacityPolicy.Rounding>?
  var reactiveFloor: Located<Bool>?
  var accuracyGate: Located<Double>?
  var activationThreshold: Located<Double>?
  var schedules: [Section<ScheduleSection>]?
}

/// Bounds that hold for a while, again and again.
struct ScheduleSection: Decodable, Sendable {
  var begins: Located<CronExpression>?
  var duration: Located<Duration>?
  var min: Located<Int>?
  var max: Located<Int>?
}
