import Foundation
import Testing

@testable import KedastralCore

@Suite("Health of workloads")
struct WorkloadHealthTests {
  private let noon = Date(timeIntervalSince1970: 1_769_860_800)

  private func names(_ texts: String...) throws -> [WorkloadName] { try texts.map { try WorkloadName($0) } }

  private func end(_ health: WorkloadHealth, _ name: WorkloadName, _ problem: String?, after seconds: Int) {
    health.roundEnded(
      ForecastRound(
        workload: name, endedAt: noon + .seconds(seconds), snapshot: nil,
        failure: problem.map { ForecastFailure(workload: name, stage: .collect, problem: $0) }))
  }

  @Test("a series of failures keeps its start and its last error, and ends with a successful round")
  func runs() throws {
    let health = WorkloadHealth()
    let api = try names("api")[0]
    health.configure([api])
    end(health, api, "refused", after: 0)
    end(health, api, "timed out", after: 60)
    let problem = try #require(health.problem(of: api))
    #expect(problem.text == "timed out" && problem.since == noon && problem.failures == 2)
    #expect(
      problem.sentence(at: noon + .seconds(90)) == "failing since 12:00 UTC (2 rounds): collect: timed out")
    end(health, api, nil, after: 120)
    #expect(health.problem(of: api) == nil && health.summary == nil)
    end(health, api, "refused", after: 180)
    #expect(health.problem(of: api)?.since == noon + .seconds(180))
  }

  @Test("a removed workload's problem is removed; workloads of other processes are configured but not owned")
  func configured() throws {
    let health = WorkloadHealth()
    let all = try names("c", "a", "b")
    health.configure(all)
    let first = health.configured
    #expect(first.workloads.map(\.text) == ["a", "b", "c"])
    end(health, all[0], "refused", after: 0)
    health.configure(Array(all.dropFirst()), of: all)
    #expect(health.configured.workloads == first.workloads && health.configured.generation > first.generation)
    #expect(health.problem(of: all[0]) == nil && !health.owns(all[0]) && health.owns(all[1]))
    end(health, all[0], "refused", after: 0)
    #expect(health.problem(of: all[0]) == nil)
  }

  @Test("the summary names how many fail and the first three")
  func summary() throws {
    let health = WorkloadHealth()
    let all = try names("d", "b", "a", "c", "e")
    health.configure(all)
    end(health, all[1], "refused", after: 0)
    #expect(health.summary == "1 of 5 workloads failing: b (collect: refused)")
    for name in all { end(health, name, "x", after: 60) }
    #expect(health.summary == "5 of 5 workloads failing: a (collect: x), b (collect: x), c (collect: x), …")
  }
}
