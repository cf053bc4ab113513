import KedastralNet

/// Where and how an HTTP server listens, and what one client may take of it.
package struct HTTPServerSettings: Sendable {
  /// The address to listen on.
  package var address: ListenAddress
  /// Certificate and key, to speak HTTPS; the server looks after their files. With authorities, give it `clients: .requested`:
  /// probes and the page's own files are for everybody, the rest for clients with a certificate.
  package var tls: TLSIdentity?
  /// The token that clients must show everywhere but on `/healthz`, `/readyz` and the page's own files.
  package var token: BearerToken?
  /// Connections open at once.
  package var maximumConnections = 1024
  /// How many bytes a request's line and headers may have; routes that take a body have a limit of their own.
  package var maximumHeaderBytes = 16 << 10
  /// The time a request has to arrive, from its first byte; for a new connection, TLS handshake included.
  package var requestTimeout: Duration = .seconds(10)
  /// How long a connection may wait for its next request.
  package var idleTimeout: Duration = .seconds(60)
  /// How long output may wait without moving before the client is cut off.
  package var writeTimeout: Duration = .seconds(30)
  /// How long a handler may wait for others.
  package var answerTimeout: Duration = .seconds(10)

  /// Creates settings.
  package init(address: ListenAddress, tls: TLSIdentity? = nil, token: BearerToken? = nil) {
    self.address = address
    self.tls = tls
    self.token = token
  }
}
