import Foundation
import TestSupport
import Testing

/// The Grafana dashboard, asked of a real Prometheus that scrapes our daemons.
@Suite("The dashboard")
struct DashboardTests {
  private struct Dashboard: Decodable {
    struct Panel: Decodable {
      struct Target: Decodable { var expr: String }
      var title: String
      var targets: [Target]?
    }
    var panels: [Panel]
  }

  /// What is empty while nothing is wrong, or takes a day to have something to say.
  private static let mayBeEmpty = [
    "Forecast error", "Quantile coverage", "Failed rounds", "Refused by limits", "Lead time beyond the horizon",
  ]

  @Test("every query except those about faults has a result from running daemons")
  func queries() async throws {
    let certificates = try await TestCertificates()
    let folder = try TemporaryFolder()
    let trace = try folder.write(
      "timestamp,value\n" + (0..<300).map { "\(1_700_000_000 + 60 * $0),\(100 + $0 % 50)\n" }.joined(), to: "load.csv")
    let (http, grpc, operations) = (freePort(), freePort(), freePort())
    let forecaster = try Daemon(
      "kedastral-forecaster",
      [
        "-listen", "127.0.0.1:\(http)", "-workload", "api-app", "-metric", "rps", "-adapter", "csv", "-adapter-path",
        trace, "-interval", "1s", "-series-ahead", "1s", "-target-per-pod", "50", "-model", "baseline", "-tls-enabled",
        "-tls-cert-file",
        certificates.server, "-tls-key-file", certificates.serverKey,
      ], environment: ["HTTP_TOKEN_FILE": try folder.write("s3cret", to: "token")])
    let scaler = try Daemon(
      "kedastral-scaler",
      [
        "-listen", "127.0.0.1:\(grpc)", "-http-listen", "127.0.0.1:\(operations)", "-forecaster-url",
        "https://127.0.0.1:\(http)", "-forecaster-token-file", folder.url.appendingPathComponent("token").path,
        "-tls-enabled", "-tls-ca-file", certificates.authority,
      ])
    defer {
      forecaster.process.kill()
      scaler.process.kill()
    }
    let prometheus = try await PrometheusServer(
      configuration: """
        global: {scrape_interval: 1s}
        scrape_configs:
          - job_name: forecaster
            scheme: https
            authorization: {credentials: s3cret}
            tls_config: {ca_file: "\(certificates.authority)"}
            static_configs: [{targets: ["127.0.0.1:\(http)"]}]
          - job_name: scaler
            static_configs: [{targets: ["127.0.0.1:\(operations)"]}]
        """)
    defer { prometheus.stop() }
    try await eventually("a plan at the scaler") {
      await Daemon.get(operations, "/readyz").status == 200
    }
    let client = try Daemon(
      "kedastral", ["query", "127.0.0.1:\(grpc)", "-workload", "api-app", "-watch", "-interval", "1s"])
    defer { client.process.kill() }

    let file = Repository.root.appendingPathComponent("deploy/grafana/kedastral.json")
    let dashboard = try JSONDecoder().decode(Dashboard.self, from: Data(contentsOf: file))
    let panels = dashboard.panels.filter { $0.targets != nil }
    #expect(panels.count > 10)
    for panel in panels where !Self.mayBeEmpty.contains(panel.title) {
      for target in panel.targets ?? [] {
        let query = target.expr.replacing("$__rate_interval", with: "10s").replacing("$workload", with: ".*").replacing(
          "$lead_time", with: "1s"
        ).replacing("$ahead", with: "1s")
        try await eventually("an answer to '\(query)' of '\(panel.title)'") {
          try await answer(prometheus.url, query).contains("\"value\"")
        }
      }
    }
    for panel in panels where Self.mayBeEmpty.contains(panel.title) {
      for target in panel.targets ?? [] {
        let query = target.expr.replacing("$__rate_interval", with: "10s").replacing("$workload", with: ".*").replacing(
          "$lead_time", with: "1s"
        ).replacing("$ahead", with: "1s")
        #expect(try await answer(prometheus.url, query).contains("\"status\":\"success\""), "\(query)")
      }
    }
    #expect(!(forecaster.process.output + scaler.process.output).contains("s3cret"))
  }

  private func answer(_ url: String, _ query: String) async throws -> String {
    let request = try ChildProcess(
      "curl", "--silent", "--max-time", "10", "--data-urlencode", "query=\(query)", "\(url)/api/v1/query")
    _ = try await request.waitForExit()
    return request.output
  }
}
