import KedastralNet

/// Where and how an HTTP server listens.
public struct HTTPServerSettings: Sendable {
  /// The address to listen on.
  public var address: ListenAddress
  /// Certificate and key, to speak HTTPS.
  public var tls: TLSContext?
  /// The token that clients must show everywhere but on `/healthz`, `/readyz` and the page's own files.
  public var token: BearerToken?
  /// How long a connection may be silent, and an answer stuck, before it is closed.
  public var idleTimeout: Duration = .seconds(60)
  /// How long a handler may wait for others.
  public var answerTimeout: Duration = .seconds(10)
  /// How many bytes a request's line and headers may have.
  public var maximumHeaderBytes = 16 * 1024
  /// How many bytes a request's body may have; no route reads one.
  public var maximumBodyBytes = 16 * 1024

  /// Creates settings.
  public init(address: ListenAddress, tls: TLSContext? = nil, token: BearerToken? = nil) {
    self.address = address
    self.tls = tls
    self.token = token
  }
}
