import Foundation
import TestSupport
import Testing

@Suite("kedastral survey", .numeric)
struct SurveyCommandTests {
  /// Six days of three apps each ten minutes, up to now: one with a steep day, one with random bursts, and one that began yesterday.
  private func openMetrics() -> String {
    let end = Int(Date().timeIntervalSince1970) / 600 * 600
    let count = 6 * 144
    var generator = SyntheticLoad.Generator(seed: 7)
    var lines = ["# TYPE load gauge"]
    for app in ["bursts", "shop", "young"] {
      for index in 0...count where app != "young" || index > count - 144 {
        let value =
          app == "bursts"
          ? 100 + (Int.random(in: 0..<40, using: &generator) == 0 ? 900 : 0)
          : 520 - 480 * cos(2 * Double.pi * Double(index) / 144) + 5 * generator.noise()
        lines.append("load{app=\"\(app)\"} \(value) \(end - (count - index) * 600)")
      }
    }
    return (lines + ["# EOF", ""]).joined(separator: "\n")
  }

  private struct Survey: Decodable {
    struct Workload: Decodable {
      var workload: String
      var query: String
      var recommended: String
      var reason: String?
      var quantileLevel: Double?
      var judgedMinutes: Double?
    }
    var workloads: [Workload]
    var isTargetDerived: Bool
    var leftOut: Int
  }

  @Test("every series of a real Prometheus is replayed, and check accepts the configuration to start with")
  func survey() async throws {
    let prometheus = try await PrometheusServer(openMetrics: openMetrics(), arguments: ["--query.lookback-delta=9m"])
    defer { prometheus.stop() }
    let folder = try TemporaryFolder()
    func survey(_ load: String, _ more: [String]) async throws -> (exitCode: Int32, output: String) {
      let run = try await Daemon.run(
        "kedastral",
        [
          "survey", "--prometheus", prometheus.url, "--query", "sum by (app) (\(load))", "--days", "6", "--step", "10m",
          "--model", "seasonal-naive",
        ] + more)
      return (run.exitCode, run.output)
    }
    let json = try await survey("load", ["-o", "json", "--price", "0.1"])
    try #require(json.exitCode == 0, "\(json.output)")
    let result = try JSONDecoder().decode(Survey.self, from: Data(json.output.utf8))
    #expect(result.isTargetDerived && result.leftOut == 0)
    #expect(Set(result.workloads.map(\.workload)) == ["bursts", "shop", "young"])
    let shop = try #require(result.workloads.first { $0.workload == "shop" })
    #expect(shop.query == "sum by (app) (load{app=\"shop\"})")
    #expect(shop.recommended == "forecast" && shop.quantileLevel != nil && (shop.judgedMinutes ?? 0) > 2000)
    #expect(result.workloads.first { $0.workload == "young" }?.reason == "too-short")
    #expect(result.workloads.first { $0.workload == "bursts" }?.recommended == "hpa")

    let yaml = try await survey("load{app=~\"s.*\"}", ["-o", "yaml", "--peak-pods", "30"])
    try #require(yaml.exitCode == 0, "\(yaml.output)")
    #expect(yaml.output.contains("dryRun: true") && yaml.output.contains("name: \"shop\""))
    let file = try folder.write(yaml.output, to: "kedastral.yaml")
    let check = try await Daemon.run("kedastral", ["check", "-config", file])
    #expect(check.exitCode == 0 && check.output.contains("ok"), "\(check.output)")
  }

  @Test("rejects options that do not fit together, and reports a query without samples")
  func usage() async throws {
    let base = ["survey", "--prometheus", "http://127.0.0.1:9", "--query", "up"]
    for (arguments, problem) in [
      (["survey", "--query", "up"], "no server given"),
      (["survey", "--prometheus", "http://a"], "needs --query PROMQL"),
      (base + ["--target-per-pod", "5", "--peak-pods", "3"], "cannot be combined"),
      (base + ["--step", "90s"], "--step 1m30s is not a number of whole minutes"),
      (base + ["--utilization", "70"], "not a share up to 1"), (base + ["-o", "htm"], "did you mean html?"),
    ] {
      let run = try await Daemon.run("kedastral", arguments)
      #expect(run.exitCode == 2 && run.output.contains(problem), "\(run.output)")
    }
    let prometheus = try await PrometheusServer()
    defer { prometheus.stop() }
    let none = try await Daemon.run("kedastral", ["survey", "--prometheus", prometheus.url, "--query", "nothing"])
    #expect(none.exitCode == 1 && none.output.contains("no sample in the last 28 days: nothing"), "\(none.output)")
  }
}
