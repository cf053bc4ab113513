import KedastralNet

/// A server, with the settings that are the same for every request to it.
///
///     var prometheus = HTTPEndpoint("https://prometheus.monitoring:9090")
///     prometheus.credentials = .bearer(file: "/var/run/secrets/kubernetes.io/serviceaccount/token")
///     prometheus.tls.authorities = "/etc/kedastral/ca.pem"
package struct HTTPEndpoint: Sendable, Equatable, CustomStringConvertible, CustomDebugStringConvertible,
  CustomReflectable
{
  /// The `http` or `https` URL that requests start from; its parameters are sent with each of them.
  package let url: String
  /// The credentials.
  package var credentials: HTTPCredentials
  /// The authorities to trust instead of the system's, and the client certificate; PEM files.
  package var tls: TLSContext.Files
  /// The same as PEM text, for configurations that contain it; where a file is named as well, the file's is used.
  package var tlsTexts = TLSTexts()
  /// Headers of every request.
  package var headers: [HTTPHeader]
  /// The proxy; nil for the client's setting.
  package var proxy: HTTPProxy?
  /// The deadline of one request, from the call to the last byte of its response.
  package var deadline: Duration
  /// The maximum size of a response, after decompression, in bytes.
  package var maximumAnswerBytes: Int

  /// Describes a server.
  package init(
    _ url: String, credentials: HTTPCredentials = .none, tls: TLSContext.Files = .init(), headers: [HTTPHeader] = [],
    proxy: HTTPProxy? = nil, deadline: Duration = .seconds(10), maximumAnswerBytes: Int = 32 << 20
  ) {
    self.url = url
    self.credentials = credentials
    self.tls = tls
    self.headers = headers
    self.proxy = proxy
    self.deadline = deadline
    self.maximumAnswerBytes = maximumAnswerBytes
  }

  /// The URL for logs and errors: without user and password, and only with the names of its parameters.
  package var displayName: String { HTTPRequest.redacted(url) }

  package var description: String { displayName }
  package var debugDescription: String { displayName }
  /// Empty, because headers and URL may contain secrets.
  package var customMirror: Mirror { Mirror(self, children: []) }

  /// The URL of a request for `path`, in the form of ``displayName``.
  package func displayName(at path: String) -> String { HTTPRequest.redacted(HTTPRequest.joined(url, path)) }
}

/// The authorities to trust and the client certificate, as PEM text.
package struct TLSTexts: Sendable, Equatable, CustomStringConvertible {
  /// The authorities to trust instead of the system's.
  package var authorities: [UInt8]?
  /// The client certificate with its chain.
  package var certificate: [UInt8]?
  /// The private key of the certificate; nil when it follows the certificate.
  package var key: [UInt8]?

  /// Creates the texts.
  package init(authorities: [UInt8]? = nil, certificate: [UInt8]? = nil, key: [UInt8]? = nil) {
    self.authorities = authorities
    self.certificate = certificate
    self.key = key
  }

  /// Never the key.
  package var description: String { "TLS texts" }
}

/// A header of a request.
package struct HTTPHeader: Sendable, Equatable {
  /// The name; upper and lower case mean the same.
  package let name: String
  /// The value.
  package let value: String

  /// Creates a header.
  package init(_ name: String, _ value: String) {
    self.name = name
    self.value = value
  }
}
