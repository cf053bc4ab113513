/// Where a workload's load comes from.
public enum SourceConfiguration: Sendable, Equatable {
  /// Prometheus, or VictoriaMetrics, which speaks the same query API.
  case prometheus(PrometheusSourceConfiguration)
  /// Any JSON over HTTP.
  case http(HTTPSourceConfiguration)
  /// A file that is played.
  case csv(CSVSourceConfiguration)
  /// A page in Prometheus's text format, read directly.
  case scrape(ScrapeSourceConfiguration)
}

/// A query to Prometheus or VictoriaMetrics.
public struct PrometheusSourceConfiguration: Sendable, Equatable {
  /// Which of the two it is.
  public var kind: SourceKind
  /// The server, without `/api/v1/…`.
  public var url: WebURL
  /// The query that gives one series.
  public var query: String
  /// What to do with answers that a part of the server is missing from.
  public var partialResponse = PartialResponseUse.use
  /// How to ask.
  public var access: SourceAccess
}

/// A request to any HTTP server that answers in JSON.
public struct HTTPSourceConfiguration: Sendable, Equatable {
  /// Where to ask; may contain template variables.
  public var url: WebURL
  /// The method of the request.
  public var method: HTTPMethod
  /// The body of the request, a template.
  public var body: String?
  /// Where the values are in the answer.
  public var valuePath: String
  /// Where the instants are in the answer; nil when it has one value, which counts for now.
  public var timestampPath: String?
  /// How the instants are written.
  public var timestampFormat: TimestampFormat
  /// Variables for the templates of URL, headers and body; often tokens.
  public var templateVars: [String: Secret]
  /// How to ask.
  public var access: SourceAccess
}

/// A CSV file with the columns `timestamp,value`.
public struct CSVSourceConfiguration: Sendable, Equatable {
  /// The file.
  public var path: String
  /// How many seconds of the file pass in one second; positive.
  public var speed: Double
}

/// A metric on a page in Prometheus's text format.
public struct ScrapeSourceConfiguration: Sendable, Equatable {
  /// The page, usually `/metrics`.
  public var url: WebURL
  /// The metric's name on it.
  public var metric: String
  /// Labels that the metric must have.
  public var labels: [String: String]
  /// How to ask.
  public var access: SourceAccess
}

/// How a source is asked over HTTP.
public struct SourceAccess: Sendable, Equatable {
  /// Who asks.
  public var authentication: SourceAuthentication
  /// Headers to send; their values may be secret.
  public var headers: [String: Secret]
  /// A file with the authorities to trust (PEM); nil for the system's.
  public var caFile: String?
  /// The own certificate chain to show (PEM).
  public var certFile: String?
  /// The own certificate's private key (PEM); given exactly with the certificate.
  public var keyFile: String?
  /// The longest wait for an answer; positive.
  public var timeout: Duration
  /// The proxy between the two.
  public var proxy = SourceProxy.environment
}

/// The authentication at a source.
public enum SourceAuthentication: Sendable, Equatable {
  /// Not at all.
  case none
  /// By a bearer token.
  case bearer(Secret)
  /// By a bearer token that a file holds, which may change.
  case bearerFile(String)
  /// By user and password.
  case basic(user: String, password: Secret)
}
