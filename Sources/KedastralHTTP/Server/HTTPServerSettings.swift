import KedastralNet

/// Where and how an HTTP server listens, and what clients may take of it.
public struct HTTPServerSettings: Sendable {
  /// The address to listen on.
  public var address: ListenAddress
  /// Certificate and key, to speak HTTPS; the server looks after their files. With authorities, give it `clients: .requested`:
  /// probes and the page's own files are for everybody, the rest for clients with a certificate.
  public var tls: TLSIdentity?
  /// The token that clients must show everywhere but on `/healthz`, `/readyz` and the page's own files.
  public var token: BearerToken?
  /// What clients may take.
  public var limits = HTTPLimits()
  /// How long a handler may wait for others.
  public var answerTimeout: Duration = .seconds(10)

  /// Creates settings.
  public init(address: ListenAddress, tls: TLSIdentity? = nil, token: BearerToken? = nil) {
    self.address = address
    self.tls = tls
    self.token = token
  }
}

/// Limits of a server for its clients; what is above a limit is refused without affecting other clients.
public struct HTTPLimits: Sendable, Equatable {
  /// Connections open at once.
  public var connections = 1024
  /// How many bytes a request's line and headers may have; routes that take a body have a limit of their own.
  public var headerBytes = 16 << 10
  /// The time a request has to arrive, from its first byte; for a new connection, TLS handshake included.
  public var requestTimeout: Duration = .seconds(10)
  /// How long a connection may wait for its next request.
  public var idleTimeout: Duration = .seconds(60)
  /// How long output may wait without moving before the client is cut off.
  public var writeTimeout: Duration = .seconds(30)

  /// The default limits.
  public init() {}
}
