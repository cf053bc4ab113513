import Foundation

/// A real Prometheus on a free port, with past data of the test's choosing.
///
///     let prometheus = try await PrometheusServer(openMetrics: """
///       # TYPE load gauge
///       load{app="shop"} 12 1767225600
///       # EOF
///       """)
///     defer { prometheus.stop() }
public final class PrometheusServer: Sendable {
  /// Its URL.
  public let url: String
  private let process: ChildProcess
  private let folder: TemporaryFolder

  /// Starts a server and waits until it is ready.
  ///
  /// - Parameters:
  ///   - openMetrics: samples with timestamps in OpenMetrics text, written to its database beforehand.
  ///   - configuration: its configuration file, for instance with what it scrapes.
  ///   - webConfiguration: its web configuration file, for instance with users and certificates.
  ///   - port: the port to listen on; a free one unless it is given.
  ///   - arguments: more flags.
  public init(
    openMetrics: String? = nil, configuration: String = "global: {}", webConfiguration: String? = nil,
    port: UInt16 = freePort(), arguments: [String] = []
  ) async throws {
    folder = try TemporaryFolder()
    let data = folder.url.appendingPathComponent("data").path
    if let openMetrics {
      let input = try folder.write(openMetrics, to: "samples.om")
      let backfill = try ChildProcess("promtool", "tsdb", "create-blocks-from", "--quiet", "openmetrics", input, data)
      guard try await backfill.waitForExit() == 0 else { throw ConditionTimeout(what: "promtool: \(backfill.output)") }
    }
    var flags = [
      "--config.file=\(try folder.write(configuration, to: "prometheus.yml"))", "--storage.tsdb.path=\(data)",
      "--storage.tsdb.retention.time=100y", "--web.listen-address=127.0.0.1:\(port)",
    ]
    if let webConfiguration { flags.append("--web.config.file=\(try folder.write(webConfiguration, to: "web.yml"))") }
    let process = try ChildProcess("prometheus", arguments: flags + arguments)
    self.process = process
    let isSecure = webConfiguration?.contains("tls_server_config") == true
    url = "\(isSecure ? "https" : "http")://127.0.0.1:\(port)"
    try await eventually("Prometheus to be ready") {
      guard process.isRunning else { throw ConditionTimeout(what: "Prometheus, which ended: \(process.output)") }
      return process.output.contains("Server is ready to receive web requests")
    }
  }

  /// Ends it.
  public func stop() { process.kill() }
}
