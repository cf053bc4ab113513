import Foundation
import KedastralCore
import KedastralModels
import KedastralTesting
import TestSupport
import Testing

@Suite("Histories in Redis")
struct RedisHistoryTests {
  @Test(
    "keeps a history in one hash with a time to live, writes and removes single parts, and removes it with the plan")
  func parts() async throws {
    let redis = try await RedisServer()
    let store = try await TestStore(.loopback(redis.port))
    let plan = try snapshot("api-app")
    #expect(try await store.history(of: plan.workload) == [:])
    try await store.put(plan)
    let binary = Data((0..<600).map { UInt8(truncatingIfNeeded: $0) })
    try await store.putHistory(
      ["0/1": binary, "0/2": Data("two".utf8), "0/fit": Data()], of: plan.workload, lifetime: .seconds(500))
    #expect(try await store.history(of: plan.workload) == ["0/1": binary, "0/2": Data("two".utf8), "0/fit": Data()])
    try await store.putHistory(["0/1": nil, "0/3": binary], of: plan.workload, lifetime: .seconds(900))
    #expect(Set(try await store.history(of: plan.workload).keys) == ["0/2", "0/3", "0/fit"])
    let left = try #require(Int(try await redis.cli("TTL", "forecast:api-app:history")))
    #expect((890...900).contains(left))
    #expect(try await store.list().map(\.text) == ["api-app"])
    try await store.putHistory([:], of: try WorkloadName("other"), lifetime: .seconds(500))
    try await store.remove(plan.workload)
    #expect(try await redis.cli("DBSIZE") == "0")
  }

  @Test("a key of another type is an error that names it, and a part beyond the limit is refused")
  func unusable() async throws {
    let redis = try await RedisServer()
    let store = try await TestStore(.loopback(redis.port))
    let name = try WorkloadName("api-app")
    try await redis.cli("SET", "forecast:api-app:history", "x")
    await #expect(throws: ForecastStoreError.self) { try await store.history(of: name) }
    let failure = await #expect(throws: ForecastStoreError.self) {
      try await store.putHistory(["0/1": Data(count: 2 << 20)], of: name, lifetime: .seconds(500))
    }
    #expect(failure?.problem.contains("part 0/1 has 2097152 bytes") == true)
  }

  @Test("a restarted loop reads its history and fit from Redis, and requests only the newest samples")
  func restart() async throws {
    let redis = try await RedisServer()
    let store = try await TestStore(.loopback(redis.port))
    let clock = ManualClock(at: noon)
    let source = ScriptedSource { instant in
      let quarter = Int(instant.timeIntervalSince1970) / 900
      return Double(700 - 11 * abs(quarter % 96 - 48) + quarter * 7919 % 23)
    }
    func loop() throws -> ForecastLoop {
      ForecastLoop(
        Workload(
          name: try WorkloadName("api-app"), metric: "rps", source: IdentifiedScript(source), model: AutoModel(),
          policy: try StandardCapacityPolicy(targetPerPod: 100), step: .seconds(900), interval: .seconds(900),
          window: .seconds(4 * 86_400)), store: store, clock: clock)
    }
    let first = try loop()
    for _ in 0..<20 {
      clock.advance(by: .seconds(900))
      try await first.tick()
    }
    let length = try await redis.cli("HLEN", "forecast:api-app:history")
    #expect((7...10).contains(try #require(Int(length))))
    clock.advance(by: .seconds(900))
    let restarted = try loop()
    try await restarted.tick()
    let asked = try #require(source.askedRanges.last)
    #expect(asked.upperBound.timeIntervalSince(asked.lowerBound) < 10 * 900)
    #expect(await restarted.history?.count == first.history?.count)
  }
}
