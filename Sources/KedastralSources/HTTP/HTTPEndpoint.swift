import KedastralNet

/// A server to ask, with everything that is the same for every request to it.
///
///     var prometheus = HTTPEndpoint("https://prometheus.monitoring:9090")
///     prometheus.credentials = .bearer(file: "/var/run/secrets/kubernetes.io/serviceaccount/token")
///     prometheus.tls.authorities = "/etc/kedastral/ca.pem"
public struct HTTPEndpoint: Sendable {
  /// The `http` or `https` URL that requests start from.
  public let url: String
  /// How to say who asks.
  public var credentials: HTTPCredentials
  /// Whom to trust instead of the system's authorities, and the client certificate to show; PEM files.
  public var tls: TLSContext.Files
  /// Headers of every request.
  public var headers: [HTTPHeader]
  /// How long one request may take, from being asked for to the last byte of its answer.
  public var deadline: Duration
  /// How large an answer may be, after decompression.
  public var maximumAnswerBytes: Int

  /// Describes a server.
  public init(
    _ url: String, credentials: HTTPCredentials = .none, tls: TLSContext.Files = .init(), headers: [HTTPHeader] = [],
    deadline: Duration = .seconds(10), maximumAnswerBytes: Int = 32 << 20
  ) {
    self.url = url
    self.credentials = credentials
    self.tls = tls
    self.headers = headers
    self.deadline = deadline
    self.maximumAnswerBytes = maximumAnswerBytes
  }

  /// The URL without user, password and query, for logs and errors.
  public var displayName: String { HTTPRequest.redacted(url) }
}

/// A header of a request.
public struct HTTPHeader: Sendable, Equatable {
  /// The name; upper and lower case mean the same.
  public let name: String
  /// The value.
  public let value: String

  /// Creates a header.
  public init(_ name: String, _ value: String) {
    self.name = name
    self.value = value
  }
}
