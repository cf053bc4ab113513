import Kedastral
import KedastralCore
import KedastralGRPC
import KedastralHTTP
import KedastralNet

extension TLSIdentity {
  /// The identity of a server's listener; nil for plain text.
  ///
  /// - Parameter listener: its name in metrics and logs.
  convenience init?(
    _ settings: TLSConfiguration, listener: String, protocols: [String] = [],
    clients: TLSContext.ClientCertificates, metrics: MetricsRegistry, logger: KedastralLogger
  ) throws {
    guard settings.isEnabled, settings.files.certificate != nil else { return nil }
    let report = TLSReport(listener: listener, metrics: metrics, logger: logger)
    try self.init(
      .server, files: settings.files, protocols: protocols,
      minimumVersion: settings.minVersion, peers: settings.clientNames, clients: clients
    ) { report.tell($0) }
  }
}

extension HTTPServerSettings {
  /// A host's HTTP listener.
  init(
    _ address: ListenAddress, tls: TLSConfiguration, tokenFile: String?, limits: HTTPLimits,
    metrics: MetricsRegistry, logger: KedastralLogger
  ) throws {
    self.init(
      address: address,
      tls: try TLSIdentity(tls, listener: "http", clients: .requested, metrics: metrics, logger: logger),
      token: try tokenFile.map { try BearerToken(file: $0) })
    self.limits = limits
  }
}

extension ScalerParts.Settings {
  /// How settings want the scaler.
  init(_ configuration: ScalerConfiguration, metrics: MetricsRegistry, logger: KedastralLogger) throws {
    self.init(
      address: configuration.listen,
      tls: try TLSIdentity(
        configuration.tls, listener: "grpc", protocols: ["h2"], clients: .required, metrics: metrics, logger: logger),
      loops: configuration.loops,
      defaults: ScalerDefaults(leadTime: configuration.leadTime, staleAfter: configuration.staleAfter),
      limits: configuration.grpcLimits)
  }
}

extension StreamLogHandler {
  /// The handler that settings describe, writing to standard error.
  package convenience init(_ settings: LogConfiguration, clock: any WallClock) {
    self.init(format: settings.format, level: settings.level, clock: clock)
  }
}
