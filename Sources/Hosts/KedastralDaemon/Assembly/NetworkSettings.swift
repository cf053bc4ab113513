import Kedastral
import KedastralCore
import KedastralGRPC
import KedastralHTTP
import KedastralNet

extension ListenAddress {
  /// The address of a setting.
  init(_ address: NetworkAddress) { self.init(host: address.host, port: UInt16(clamping: address.port)) }
}

extension TLSIdentity {
  /// The identity of a server's listener; nil for plain text.
  ///
  /// - Parameter listener: its name in metrics and logs.
  convenience init?(
    _ settings: TLSConfiguration, listener: String, protocols: [String] = [],
    clients: TLSContext.ClientCertificates, metrics: MetricsRegistry, logger: KedastralLogger
  ) throws {
    guard settings.isEnabled, settings.certFile != nil else { return nil }
    let report = TLSReport(listener: listener, metrics: metrics, logger: logger)
    try self.init(
      .server, files: settings.files, protocols: protocols,
      minimumVersion: settings.minVersion == .v1_2 ? .v1_2 : .v1_3, peers: settings.clientNames, clients: clients
    ) { report.tell($0) }
  }
}

extension TLSConfiguration {
  /// The files of these settings, for either end of a connection.
  package var files: TLSContext.Files { TLSContext.Files(certificate: certFile, key: keyFile, authorities: caFile) }
}

extension RedisTLSConfiguration {
  /// The files of these settings.
  package var files: TLSContext.Files { TLSContext.Files(certificate: certFile, key: keyFile, authorities: caFile) }
}

extension RemoteAddress {
  /// The address of a setting.
  init(_ endpoint: RedisEndpoint) {
    switch endpoint {
    case .network(let address): self = .network(host: address.host, port: UInt16(clamping: address.port))
    case .unixSocket(let path): self = .unixSocket(path: path)
    }
  }
}

extension HTTPServerSettings {
  /// A host's HTTP listener.
  init(
    _ address: NetworkAddress, tls: TLSConfiguration, tokenFile: String?, limits: HTTPLimitsConfiguration,
    metrics: MetricsRegistry, logger: KedastralLogger
  ) throws {
    self.init(
      address: ListenAddress(address),
      tls: try TLSIdentity(tls, listener: "http", clients: .requested, metrics: metrics, logger: logger),
      token: try tokenFile.map { try BearerToken(file: $0) })
    maximumConnections = limits.connections
    maximumHeaderBytes = limits.headerBytes
    requestTimeout = limits.requestTimeout
    idleTimeout = limits.idleTimeout
    writeTimeout = limits.writeTimeout
  }
}

extension ScalerParts.Settings {
  /// How settings want the scaler.
  init(_ configuration: ScalerConfiguration, metrics: MetricsRegistry, logger: KedastralLogger) throws {
    self.init(
      address: ListenAddress(configuration.listen),
      tls: try TLSIdentity(
        configuration.tls, listener: "grpc", protocols: ["h2"], clients: .required, metrics: metrics, logger: logger),
      loops: configuration.loops,
      defaults: ScalerDefaults(leadTime: configuration.leadTime, staleAfter: configuration.staleAfter),
      limits: GRPCLimits(configuration.grpcLimits))
  }
}

extension StreamLogHandler {
  /// The handler that settings describe, writing to standard error.
  package convenience init(_ settings: LogConfiguration, clock: any WallClock) {
    self.init(format: settings.format, level: settings.level, clock: clock)
  }
}

extension GRPCLimits {
  /// The limits of settings.
  init(_ settings: GRPCLimitsConfiguration) {
    self.init()
    connections = settings.connections
    callsPerConnection = settings.streams
    messageBytes = settings.messageBytes
    headerBytes = settings.headerBytes
    bufferedBytesPerConnection = settings.bufferedBytes
    handshakeTimeout = settings.handshakeTimeout
    requestTimeout = settings.requestTimeout
    writeTimeout = settings.writeTimeout
    idleTimeout = settings.idleTimeout
    keepAliveInterval = settings.keepAliveInterval
    keepAliveTimeout = settings.keepAliveTimeout
    connectionAge = settings.connectionAge
    connectionAgeGrace = settings.connectionAgeGrace
    resetBurst = settings.resetBurst
    resetsPerSecond = settings.resetsPerSecond
    idleFrameBurst = settings.idleFrameBurst
    idleFramesPerSecond = settings.idleFramesPerSecond
  }
}
