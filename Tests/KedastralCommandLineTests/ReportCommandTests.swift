import Foundation
import KedastralCore
import TestSupport
import Testing

@testable import KedastralCommandLine

@Suite("kedastral report")
struct ReportCommandTests {
  private func run(_ forecaster: TestForecaster, _ arguments: String...) async throws -> (
    exitCode: Int32, output: String
  ) {
    try await Daemon.run("kedastral", ["report", "--server", forecaster.url] + arguments)
  }

  @Test("shows HPA and plan of each workload, the total, and what the plans were worth in words")
  func table() async throws {
    let forecaster = try await TestForecaster(["api", "worker"])
    let all = try await run(forecaster)
    #expect(all.exitCode == 0)
    let lines = all.output.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
    #expect(lines.map { $0[0] }[0...3] == ["WORKLOAD", "api", "worker", "total"])
    #expect(
      lines[1].joined(separator: " ") == "api 6d22h40m 50 min 10 min 100.0 90.0 10 % 4.00 3.60 12 min 3 min 6 % 91 %")
    #expect(lines[3].joined(separator: " ").hasPrefix("total 13d21h20m 101 min 20 min 200.0 180.0 10 % 8.00 7.20"))
    #expect(all.output.contains("worker: would have avoided 41 violation minutes and saved 10 % of pod-hours\n"))
    #expect(all.output.contains("the HPA holds 70 % of the target, forecasts made 5m ahead"))

    let one = try await run(forecaster, "worker", "--days", "28")
    #expect(one.exitCode == 0 && !one.output.contains("api") && !one.output.contains("total"))
    #expect(one.output.contains("last 28 days"))
    await forecaster.close()
  }

  @Test("writes JSON, and one page without scripts and requests")
  func documents() async throws {
    let forecaster = try await TestForecaster(["api", "worker"])
    let json = try await run(forecaster, "-o", "json")
    let summary = try ScorecardSummary(json: Array(json.output.utf8))
    #expect(summary.total(days: 7)?.avoidedMinutes == 81)
    #expect(summary.total(days: 7)?.verdict == "would have avoided 81 violation minutes and saved 10 % of pod-hours")
    let page = try await run(forecaster, "-o", "html").output
    #expect(page.hasPrefix("<!doctype html>") && page.contains("<th scope=\"row\">worker</th>"))
    #expect(page.contains("2 workloads: would have avoided 81 violation minutes and saved 10 % of pod-hours."))
    #expect(!page.contains("<script") && !page.contains("http"))
    await forecaster.close()
  }

  @Test("an unknown workload and other numbers of days are refused")
  func failures() async throws {
    let forecaster = try await TestForecaster(["api"])
    let unknown = try await run(forecaster, "apj")
    #expect(unknown.exitCode == 1 && unknown.output.contains("did you mean api?"))
    let days = try await run(forecaster, "--days", "9")
    #expect(days.exitCode == 2 && days.output.contains("--days '9' is unknown"))
    await forecaster.close()
  }

  @Test("reports what a running forecaster has measured, with its metrics")
  func running() async throws {
    let (http, grpc) = (freePort(), freePort())
    let demo = try Daemon("kedastral", ["demo", "-listen", "127.0.0.1:\(http)", "-scaler-listen", "127.0.0.1:\(grpc)"])
    let server = "http://127.0.0.1:\(http)"
    // A second of the demonstration is a minute; loads are settled after five of them.
    try await eventually("measured minutes of both workloads", within: .seconds(120)) {
      let answer = await Daemon.get(http, "/scorecard")
      guard let summary = try? ScorecardSummary(json: Array(answer.body.utf8)) else { return false }
      let windows = summary.scorecards?.compactMap { $0.window(days: 7) } ?? []
      return windows.count == 2
        && windows.allSatisfy { $0.measuredMinutes >= 3 && $0.hpa.podHours > 0 && $0.plan.podHours > 0 }
    }
    let report = try await Daemon.run("kedastral", ["report", "api-app", "--server", server])
    #expect(report.exitCode == 0 && report.output.contains("api-app: measured for"), "\(report.output)")
    let metrics = await Daemon.get(http, "/metrics").body
    #expect(metrics.contains("kedastral_scorecard_pod_seconds{workload=\"api-app\",policy=\"hpa\"}"))
    demo.process.signal(SIGTERM)
    #expect(try await demo.process.waitForExit() == 0)
  }
}
