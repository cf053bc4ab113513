import KedastralNet
import KedastralSources

/// Where a workload's load comes from.
package enum SourceConfiguration: Sendable, Equatable {
  /// Prometheus, or VictoriaMetrics, which has the same query API.
  case prometheus(PrometheusSourceConfiguration)
  /// Any JSON over HTTP.
  case http(HTTPSourceConfiguration)
  /// A file that is played.
  case csv(CSVSourceConfiguration)
  /// A page in Prometheus's text format, read directly.
  case scrape(ScrapeSourceConfiguration)
  /// A source that the program registers for the workload.
  case registered
}

/// A query to Prometheus or VictoriaMetrics.
package struct PrometheusSourceConfiguration: Sendable, Equatable {
  /// Which of the two it is.
  package var kind: SourceKind
  /// The server, without `/api/v1/…`.
  package var url: WebURL
  /// The query that gives one series.
  package var query: String
  /// What to do with answers that a part of the server is missing from.
  package var partialResponse = PrometheusSource.PartialResponse.use
  /// How to ask.
  package var access: SourceAccess
}

/// A request to any HTTP server that answers in JSON.
package struct HTTPSourceConfiguration: Sendable, Equatable {
  /// Where to ask; may contain template variables.
  package var url: WebURL
  /// The method of the request.
  package var method: HTTPMethod
  /// The body of the request, a template.
  package var body: String?
  /// Where the values are in the answer.
  package var valuePath: String
  /// Where the instants are in the answer; nil when it has one value, which counts for now.
  package var timestampPath: String?
  /// How the instants are written.
  package var timestampFormat: HTTPSource.TimestampFormat
  /// Variables for the templates of URL, headers and body; often tokens.
  package var templateVars: [String: Secret]
  /// How to ask.
  package var access: SourceAccess
}

/// A CSV file with the columns `timestamp,value`.
package struct CSVSourceConfiguration: Sendable, Equatable {
  /// The file.
  package var path: String
  /// How many seconds of the file pass in one second; positive.
  package var speed: Double
}

/// A metric on a page in Prometheus's text format.
package struct ScrapeSourceConfiguration: Sendable, Equatable {
  /// The page, usually `/metrics`.
  package var url: WebURL
  /// The metric's name on it.
  package var metric: String
  /// Labels that the metric must have.
  package var labels: [String: String]
  /// How to ask.
  package var access: SourceAccess
}

/// How a source is asked over HTTP.
package struct SourceAccess: Sendable, Equatable {
  /// Who asks.
  package var authentication: SourceAuthentication
  /// Headers to send; their values may be secret.
  package var headers: [String: Secret]
  /// The authorities to trust instead of the system's, and the own certificate and key to show.
  package var tls = TLSContext.Files()
  /// The longest wait for an answer; positive.
  package var timeout: Duration
  /// The proxy between the two.
  package var proxy = SourceProxy.environment
}

/// The authentication at a source.
package enum SourceAuthentication: Sendable, Equatable {
  /// Not at all.
  case none
  /// By a bearer token.
  case bearer(Secret)
  /// By a bearer token that a file holds, which may change.
  case bearerFile(String)
  /// By user and password.
  case basic(user: String, password: Secret)
}
