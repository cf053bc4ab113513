import Foundation
import KedastralCore
import KedastralModels
import KedastralTesting
import TestSupport
import Testing

@testable import KedastralHTTP

@Suite("Scorecard API")
struct ScorecardAPITests {
  private func workload(_ name: String, isDryRun: Bool = false) throws -> Workload {
    Workload(
      name: try WorkloadName(name), metric: "rps", source: ScriptedSource { _ in 100 }, model: SeasonalBaseline(),
      policy: try StandardCapacityPolicy(targetPerPod: 50, maxReplicas: 20), isDryRun: isDryRun)
  }

  @Test("returns a workload's scorecard, all scorecards with their total, and the total alone")
  func scorecards() async throws {
    let server = try await TestServer()
    try await server.forecast(try workload("api-app", isDryRun: true))
    try await server.forecast(try workload("worker-app"))

    let one = try await curl(server.url + "/scorecard?workload=api-app")
    #expect(one.status == 200)
    let report = try ScorecardReport(json: Array(one.body.utf8))
    #expect(report.workload == "api-app" && report.isDryRun)
    #expect(report.windows.map(\.days) == [7, 28])
    #expect(report.window(days: 7)?.measuredMinutes == 0)
    #expect(report.window(days: 7)?.hpa.cost == 0)

    let all = try ScorecardSummary(json: Array(try await curl(server.url + "/scorecard").body.utf8))
    #expect(all.scorecards?.map(\.workload) == ["api-app", "worker-app"])
    #expect(all.workloads == 2)
    let total = try ScorecardSummary(json: Array(try await curl(server.url + "/scorecard?view=total").body.utf8))
    #expect(total.scorecards == nil && total.total == all.total)
    await server.shutdown()
  }

  @Test("a plan of another process has a scorecard without windows, and an unknown view is refused")
  func failures() async throws {
    let server = try await TestServer()
    try await server.apply(.put(try TestServer.snapshot("elsewhere")))
    let other = try await curl(server.url + "/scorecard?workload=elsewhere")
    #expect(other.status == 200)
    #expect(try ScorecardReport(json: Array(other.body.utf8)).windows.isEmpty)
    #expect(try await curl(server.url + "/scorecard?workload=ghost").status == 404)
    let view = try await curl(server.url + "/scorecard?view=all")
    #expect(view.status == 400 && view.body.contains("'view' is 'all', expected total"))
    await server.shutdown()
  }
}
