import KedastralDaemon
import KedastralNet
import KedastralSources

/// The options of commands that read from a Prometheus server.
enum PrometheusOptions {
  static let bearerTokenFile = CommandSyntax.Option(
    "bearer-token-file", "FILE", "file with the bearer token for --prometheus")

  /// The server at `url`, the value of `--prometheus`, with its token.
  static func endpoint(
    _ url: String, _ options: CommandOptions, deadline: Duration = .seconds(60)
  ) throws(UsageError) -> HTTPEndpoint {
    guard WebURL(url) != nil else {
      throw UsageError(
        description:
          "\(options.typed("prometheus")) '\(url)' is not an http or https URL; write one such as http://prometheus:9090"
      )
    }
    var endpoint = HTTPEndpoint(url, proxy: .environment(), deadline: deadline)
    if let file = options.value("bearer-token-file") { endpoint.credentials = .bearer(file: file) }
    return endpoint
  }
}
