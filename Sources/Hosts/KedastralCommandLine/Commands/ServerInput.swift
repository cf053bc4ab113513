import FoundationEssentials
import KedastralCore
import KedastralDaemon
import KedastralNet
import KedastralSources

/// The running forecaster that a command queries.
struct ServerInput {
  /// The options.
  static let options = CommandSyntax.Group(
    title: "Server",
    options: [
      .init("server", "URL", "the forecaster (default: the variable KEDASTRAL_SERVER, or http://localhost:8081)"),
      .init("bearer-token-file", "FILE", "file with the bearer token to send"),
      .init("tls-ca-file", "FILE", "certificate authorities that must have issued the server's certificate (PEM)"),
      .init("timeout", "DURATION", "maximum time for one request (default 5s)"),
      .init(
        "lead-time", "DURATION",
        "show the maximum of the planned replicas from now until this much later (default: the workload's own, or 5m)"
      ),
      .init("stale-after", "DURATION", "mark plans older than this, which a scaler does not serve (default 2m)"),
    ])

  let forecaster: ForecasterClient
  /// The lead time that counts for every workload; nil for each one's own.
  let leadTime: Duration?
  let staleAfter: Duration

  init(
    _ options: CommandOptions, environment: [String: String] = ProcessInfo.processInfo.environment
  ) throws {
    let variable = environment["KEDASTRAL_SERVER"] ?? ""
    let url = options.value("server") ?? (variable.isEmpty ? "http://localhost:8081" : variable)
    guard WebURL(url) != nil else {
      let name = options.has("server") ? options.typed("server") : "KEDASTRAL_SERVER"
      throw UsageError(
        description: "\(name) '\(url)' is not an http or https URL; write one such as http://localhost:8081")
    }
    leadTime = try options.duration("lead-time")
    staleAfter = try options.duration("stale-after") ?? .seconds(120)
    let timeout = try options.positiveDuration("timeout") ?? .seconds(5)
    var endpoint = HTTPEndpoint(
      url, tls: TLSContext.Files(authorities: options.value("tls-ca-file")), deadline: timeout)
    if let file = options.value("bearer-token-file") { endpoint.credentials = .bearer(file: file) }
    forecaster = ForecasterClient(endpoint: endpoint, client: try HTTPClient(on: try EventLoop()))
  }
}
