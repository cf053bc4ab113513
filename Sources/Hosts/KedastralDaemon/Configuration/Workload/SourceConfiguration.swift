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
  package var endpoint: HTTPEndpoint
  /// The query that gives one series.
  package var query: String
  /// What to do with answers that a part of the server is missing from.
  package var partialResponse = PrometheusSource.PartialResponse.use
}

/// A request to any HTTP server that answers in JSON.
package struct HTTPSourceConfiguration: Sendable, Equatable {
  /// Where to ask; URL and headers may contain template variables.
  package var endpoint: HTTPEndpoint
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
  package var endpoint: HTTPEndpoint
  /// The metric's name on it.
  package var metric: String
  /// Labels that the metric must have.
  package var labels: [String: String]
}
