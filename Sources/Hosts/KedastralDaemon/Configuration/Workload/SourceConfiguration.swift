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
  /// A trigger that KEDA reads.
  case keda(KedaSourceConfiguration)
  /// A metric that senders push to this process.
  case push(PushSourceConfiguration)
  /// A source that the program registers for the workload.
  case registered
}

/// A query to Prometheus or VictoriaMetrics.
package struct PrometheusSourceConfiguration: Sendable, Equatable {
  /// Which of the two it is.
  package var kind: SourceKind
  /// The server, without `/api/v1/…`.
  package var endpoint: HTTPEndpoint
  /// The query that gives one series, or, with a label, one for each of its values.
  package var query: String
  /// Which of several series is the workload's; nil for a query that gives one.
  package var series: LabelledSeries?
  /// What to do with answers that a part of the server is missing from.
  package var partialResponse = PrometheusSource.PartialResponse.use
}

/// One of the series of a query that many workloads share.
package struct LabelledSeries: Sendable, Equatable {
  /// The label that tells the series apart.
  package var label: String
  /// Its value in the workload's series.
  package var value: String
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
  /// The past of a source that responds with one value; nil for none.
  package var bootstrap: BootstrappedSource.Location?
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
  /// The past before the first scrape; nil for none.
  package var bootstrap: BootstrappedSource.Location?
}

/// A metric that senders push to this process.
package struct PushSourceConfiguration: Sendable, Equatable {
  /// The points that are the workload's.
  package var selector: PushSelector
  /// The past before the first point; nil for none.
  package var bootstrap: BootstrappedSource.Location?
}

/// A trigger of a ScaledObject, whose values KEDA's metrics service streams.
package struct KedaSourceConfiguration: Sendable, Equatable {
  /// The metrics service, its certificates and time limit.
  package var server: RawMetricsFeed.Server
  /// The ScaledObject's namespace.
  package var namespace: String
  /// The ScaledObject's name.
  package var scaledObject: String
  /// The trigger's name.
  package var trigger: String
  /// The past before the first value; nil for none.
  package var bootstrap: BootstrappedSource.Location?
}
