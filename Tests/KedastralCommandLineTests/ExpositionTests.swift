import Foundation
import TestSupport
import Testing

@Suite("Metrics of daemons")
struct ExpositionTests {
  private static let workloads = 100

  /// Counts the samples of each family, read by Prometheus's own parser of OpenMetrics.
  private static let parser = """
    import json, sys
    from prometheus_client.openmetrics.parser import text_string_to_metric_families
    print(json.dumps({family.name: len(family.samples) for family in text_string_to_metric_families(sys.stdin.read())}))
    """

  @Test("with many workloads, promtool accepts the metrics, and the official parser reads OpenMetrics")
  func manyWorkloads() async throws {
    let trace = try PlayedTrace { _ in 300 }
    try trace.configure((0..<Self.workloads).map { "  - {name: app-\($0)}" }.joined(separator: "\n"))
    let (http, operations, grpc) = (freePort(), freePort(), freePort())
    let forecaster = try Daemon("kedastral-forecaster", ["-listen", "127.0.0.1:\(http)", "-config", trace.file])
    let scaler = try Daemon(
      "kedastral-scaler",
      [
        "-listen", "127.0.0.1:\(grpc)", "-http-listen", "127.0.0.1:\(operations)", "-forecaster-url",
        "http://127.0.0.1:\(http)",
      ])
    try await eventually("all plans") {
      await Daemon.get(http, "/metrics").body.components(separatedBy: "\nkedastral_desired_replicas{").count - 1
        == Self.workloads
    }
    try await eventually("an answer") { try await KEDAClient.ask(grpc, ["workload": "app-7"]).value == 30 }
    for (port, family, samples) in [
      (http, "kedastral_desired_replicas", Self.workloads), (http, "kedastral_forecast_age_seconds", Self.workloads),
      (operations, "kedastral_scaler_desired_replicas_returned", 1),
      (operations, "kedastral_scaler_grpc_connections", 1),
    ] {
      let url = "http://127.0.0.1:\(port)/metrics"
      let check = try ChildProcess("sh", "-c", "curl --silent --fail '\(url)' | promtool check metrics")
      #expect(try await check.waitForExit() == 0 && check.output.isEmpty, "\(check.output)")
      let accept = "Accept: application/openmetrics-text;version=1.0.0"
      let parse = try ChildProcess(
        "sh", "-c", "curl --silent --fail --header '\(accept)' '\(url)' | '\(Repository.python)' -c \"$0\"", Self.parser
      )
      #expect(try await parse.waitForExit() == 0, "\(parse.output)")
      let counts = try JSONDecoder().decode([String: Int].self, from: Data(parse.output.utf8))
      #expect(counts[family] == samples, "\(family) in \(counts)")
    }
    for daemon in [forecaster, scaler] { #expect(daemon.process.isRunning) }
  }
}
