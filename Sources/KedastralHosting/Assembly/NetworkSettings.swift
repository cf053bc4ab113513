import KedastralConfiguration
import KedastralNet

extension ListenAddress {
  /// The address of a setting.
  init(_ address: NetworkAddress) { self.init(host: address.host, port: UInt16(clamping: address.port)) }
}

extension TLSContext {
  /// The server's side of TLS settings; nil when TLS is off.
  convenience init?(server settings: TLSConfiguration) throws {
    guard settings.isEnabled else { return nil }
    try self.init(.server, files: settings.files)
  }
}

extension TLSConfiguration {
  /// The files of these settings, for either end of a connection.
  var files: TLSContext.Files { TLSContext.Files(certificate: certFile, key: keyFile, authorities: caFile) }
}

extension RedisTLSConfiguration {
  /// The files of these settings.
  var files: TLSContext.Files { TLSContext.Files(certificate: certFile, key: keyFile, authorities: caFile) }
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
