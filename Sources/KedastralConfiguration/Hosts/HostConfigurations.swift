import KedastralCore

/// The settings of a forecaster.
public struct ForecasterConfiguration: Sendable, Equatable {
  /// Where HTTP is served.
  public var listen: NetworkAddress
  /// What is logged.
  public var log: LogConfiguration
  /// Where plans are kept.
  public var storage: StorageConfiguration
  /// TLS of the listener.
  public var tls: TLSConfiguration
  /// The file with the token that HTTP clients must show; nil when none is asked for.
  public var httpTokenFile: String?
  /// What HTTP clients may take.
  public var httpLimits: HTTPLimitsConfiguration
  /// Where KEDA reaches the scaler, for ScaledObjects to copy.
  public var scalerAddress: NetworkAddress
  /// The workloads; at least one, no two with the same name.
  public var workloads: [WorkloadConfiguration]
  /// The configuration file, when changes of it are to be applied while the process runs.
  public var watchedFile: WatchedFile? = nil
}

/// The settings of a scaler.
public struct ScalerConfiguration: Sendable, Equatable {
  /// Where gRPC is served.
  public var listen: NetworkAddress
  /// Where health and metrics are served.
  public var httpListen: NetworkAddress
  /// Where plans come from: with storage `memory` from this forecaster, with `redis` from there.
  public var forecasterURL: WebURL
  /// Where plans are kept.
  public var storage: StorageConfiguration
  /// How far ahead an answer looks; not negative.
  public var leadTime: Duration
  /// The age from which a plan is not served; positive.
  public var staleAfter: Duration
  /// What is logged.
  public var log: LogConfiguration
  /// TLS of the listeners and of the connection to the forecaster.
  public var tls: TLSConfiguration
  /// The file with the token that HTTP clients must show; nil when none is asked for.
  public var httpTokenFile: String?
  /// The file with the token to show to the forecaster; nil when none is shown.
  public var forecasterTokenFile: String?
  /// Threads that answer gRPC calls; 0 for one a core.
  public var loops: Int
  /// What gRPC clients may take.
  public var grpcLimits: GRPCLimitsConfiguration
  /// What HTTP clients may take.
  public var httpLimits: HTTPLimitsConfiguration
  /// The configuration file, when changes of it are to be applied while the process runs.
  public var watchedFile: WatchedFile? = nil
}

/// The settings of forecaster and scaler in one process: they share storage, log and TLS.
public struct AllInOneConfiguration: Sendable, Equatable {
  /// The forecaster's part.
  public var forecaster: ForecasterConfiguration
  /// The scaler's part; its forecaster URL and HTTP address mean nothing here.
  public var scaler: ScalerConfiguration
}

/// What is logged, and how.
public struct LogConfiguration: Sendable, Equatable {
  /// The form of the lines.
  public var format: LogFormat
  /// The least urgent lines.
  public var level: LogLevel
}

/// The files of TLS. Whether they exist and fit has not been looked at.
public struct TLSConfiguration: Sendable, Equatable {
  /// Whether TLS is used.
  public var isEnabled: Bool
  /// The certificate chain (PEM).
  public var certFile: String?
  /// The certificate's private key (PEM).
  public var keyFile: String?
  /// The authorities that the other side's certificate must come from (PEM).
  public var caFile: String?
  /// The oldest TLS that listeners speak.
  public var minVersion = TLSVersion.v1_3
  /// Names of which a client's certificate must have one; empty when any will do.
  public var clientNames: [String] = []
}

/// Where plans are kept.
public enum StorageConfiguration: Sendable, Equatable {
  /// In the process.
  case memory
  /// In Redis.
  case redis(RedisConfiguration)
}

/// How to reach Redis, and what is written there.
public struct RedisConfiguration: Sendable, Equatable {
  /// A URL with the server and, where these are not given, user, password and database number; nil when none is given.
  public var url: RedisURL?
  /// The server.
  public var endpoint: RedisEndpoint
  /// The user; nil for the default user.
  public var username: String?
  /// The password; nil when none is needed.
  public var password: Secret?
  /// A file with the password, to be read on each connection.
  public var passwordFile: String?
  /// The database number, not negative; nil when none is given, which means the URL's, or 0.
  public var database: Int?
  /// How long a plan is kept when it is not renewed; at least a second.
  public var ttl: Duration
  /// What the keys of plans begin with.
  public var prefix: String
  /// Prefixes of further plans to read, which other programs write.
  public var readPrefixes: [String]
  /// Sentinels that know the master; empty when there are none.
  public var sentinels: [NetworkAddress]
  /// The master's name at the sentinels; given exactly when there are sentinels.
  public var sentinelMaster: String?
  /// Whether the server is part of a Redis Cluster.
  public var isCluster: Bool
  /// The user at the sentinels; nil for the default user.
  public var sentinelUsername: String?
  /// The password at the sentinels; nil when none is needed.
  public var sentinelPassword: Secret?
  /// TLS towards Redis.
  public var tls: RedisTLSConfiguration
  /// How long a dead forecaster's workloads wait for another; nil when every forecaster forecasts all workloads.
  public var shardLease: Duration?
}

/// TLS towards Redis. Whether the files exist and fit has not been looked at.
public struct RedisTLSConfiguration: Sendable, Equatable {
  /// Whether TLS is used, whatever a URL says.
  public var isEnabled = false
  /// The authorities to trust (PEM); nil for the system's.
  public var caFile: String?
  /// The own certificate chain (PEM).
  public var certFile: String?
  /// The own certificate's private key (PEM).
  public var keyFile: String?
  /// The name that Redis's certificate must be made out to; nil for the host's.
  public var serverName: String?
}
