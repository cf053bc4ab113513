import Foundation
import KedastralCore
import KedastralModels
import KedastralTesting
import TestSupport
import Testing

@Suite("Scorecards in Redis")
struct RedisScorecardTests {
  private func loop(_ store: TestStore, _ board: Scorecards, _ clock: ManualClock) throws -> ForecastLoop {
    let workload = Workload(
      name: try WorkloadName("api-app"), metric: "rps", source: ScriptedSource { _ in 350 }, model: SeasonalBaseline(),
      policy: try StandardCapacityPolicy(targetPerPod: 100), step: .seconds(60), interval: .seconds(60),
      window: .seconds(86_400), realPods: ScriptedSource { _ in 3 })
    return ForecastLoop(workload, store: store, clock: clock, metrics: MetricsRegistry(), scorecards: board)
  }

  private func run(_ loop: ForecastLoop, _ clock: ManualClock, rounds: Int) async throws {
    for _ in 0..<rounds {
      clock.advance(by: .seconds(60))
      try await loop.tick()
    }
  }

  @Test("a restarted forecaster continues the scorecard that Redis has, with the minutes of the real pods")
  func restart() async throws {
    let redis = try await RedisServer()
    let (name, clock) = (try WorkloadName("api-app"), ManualClock(at: noon))
    let first = Scorecards()
    try await run(try loop(try await TestStore(.loopback(redis.port)), first, clock), clock, rounds: 90)
    let before = try #require(first.report(of: name)?.window(days: 7))
    #expect(before.measuredMinutes > 75 && before.real?.violationMinutes == before.realMinutes)

    clock.advance(by: .seconds(1800))
    let second = Scorecards()
    let restarted = try loop(try await TestStore(.loopback(redis.port)), second, clock)
    try await run(restarted, clock, rounds: 1)
    let resumed = try #require(second.report(of: name)?.window(days: 7))
    // The state is stored every ten minutes.
    #expect(resumed.measuredMinutes >= before.measuredMinutes - 11)
    #expect(resumed.measuredMinutes <= before.measuredMinutes)
    #expect(resumed.realMinutes == resumed.measuredMinutes)
    try await run(restarted, clock, rounds: 20)
    let after = try #require(second.report(of: name)?.window(days: 7))
    #expect(after.measuredMinutes == resumed.measuredMinutes + 15)
    #expect(after.real?.violationMinutes == after.measuredMinutes)
  }
}
