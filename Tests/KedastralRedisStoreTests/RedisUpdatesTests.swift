import Foundation
import KedastralCore
import KedastralRedisStore
import TestSupport
import Testing

@Suite("Updates from Redis")
struct RedisUpdatesTests {
  @Test("a listener receives all stored snapshots, then every change at once")
  func pushes() async throws {
    let redis = try await RedisServer()
    var configuration = RedisConfiguration.loopback(redis.port)
    // No sweep happens during the test.
    configuration.sweepInterval = .seconds(3600)
    let writer = try await TestStore(configuration)
    try await writer.put(try snapshot("before"))
    let reader = try await TestStore(configuration)
    let heard = Heard(reader)
    try await eventually("the first sweep") { heard.latest("before") != nil }
    let second = try snapshot("after", replicas: 4)
    try await writer.put(second)
    try await eventually("the message") { heard.latest("after") == second }
    try await writer.remove(second.workload)
    try await eventually("the removal") { heard.latest("after") == nil }
    #expect(heard.all.count == 3)
    let late = Heard(reader)
    try await eventually("a later listener's replay") { late.latest("before") != nil }
  }

  @Test("finds a plan without a message at the next sweep")
  func sweeps() async throws {
    let redis = try await RedisServer()
    var configuration = RedisConfiguration.loopback(redis.port)
    configuration.sweepInterval = .milliseconds(50)
    let store = try await TestStore(configuration)
    let heard = Heard(store)
    try await redis.cli("SET", "forecast:w", String(decoding: try snapshot("w").json(), as: UTF8.self))
    try await eventually("the sweep") { heard.latest("w") != nil }
    #expect(heard.all.count == 1)
  }

  @Test("reads thousands of workloads in few round trips, each only once")
  func many() async throws {
    let redis = try await RedisServer()
    var configuration = RedisConfiguration.loopback(redis.port)
    configuration.sweepInterval = .milliseconds(100)
    let writer = try await TestStore(configuration)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for index in 0..<3000 { group.addTask { try await writer.put(try snapshot("w\(index)")) } }
      try await group.waitForAll()
    }
    let heard = Heard(writer)
    try await eventually("all") { heard.count == 3000 }
    try await redis.cli("CONFIG", "RESETSTAT")
    try await eventually("another sweep") {
      try await redis.sweeps(keys: 3000) >= 1
    }
    #expect(heard.all.count == 3000)
  }

  @Test("reports an invalid value once for each key, and keeps the last valid one")
  func badValues() async throws {
    let redis = try await RedisServer()
    var configuration = RedisConfiguration.loopback(redis.port)
    configuration.sweepInterval = .milliseconds(50)
    let test = try await TestStore(configuration)
    let good = try snapshot("w", replicas: 3)
    try await test.put(good)
    let heard = Heard(test)
    try await eventually("the good one") { heard.latest("w") == good }

    try await redis.cli("SET", "forecast:w", "no JSON")
    try await redis.cli("LPUSH", "forecast:list", "1")
    try await redis.cli("SET", "forecast:other", String(decoding: try good.json(), as: UTF8.self))
    try await redis.cli("EVAL", "redis.call('SET', 'forecast:huge', string.rep('x', 50000000))", "0")
    try await redis.cli("CONFIG", "RESETSTAT")
    try await eventually("reports") { test.log.lines.filter { $0.contains("not usable") }.count == 4 }
    try await eventually("several more sweeps") { try await redis.sweeps(keys: 4) > 5 }
    let reports = test.log.lines.filter { $0.contains("not usable") }.sorted()
    #expect(reports.count == 4)
    #expect(reports[0].contains("key=forecast:huge error=the value is larger than 1048576 bytes"))
    #expect(reports[1].contains("key=forecast:list error=WRONGTYPE"))
    #expect(reports[2].contains("key=forecast:other error=the snapshot is of workload 'w'"))
    #expect(reports[3].contains("key=forecast:w error=snapshot rejected"))
    #expect(heard.latest("w") == good)
    #expect(heard.count == 1)

    let wrongType = await #expect(throws: ForecastStoreError.self) { try await test.put(try snapshot("list")) }
    #expect(wrongType?.problem == "WRONGTYPE Operation against a key holding the wrong kind of value")
    let tooLarge = await #expect(throws: ForecastStoreError.self) { try await test.get(WorkloadName("huge")) }
    #expect(tooLarge?.problem == "forecast:huge: the value is larger than 1048576 bytes")
    try await eventually("the bad one's replacement") {
      try await test.put(try snapshot("w", at: noon + .seconds(1), replicas: 5)) == .stored
        && heard.latest("w")?.desiredReplicas == [5]
    }
  }

  @Test("removes expired plans, but not plans that Redis lost")
  func expiry() async throws {
    let redis = try await RedisServer()
    var configuration = RedisConfiguration.loopback(redis.port)
    configuration.sweepInterval = .milliseconds(50)
    let long = try await TestStore(configuration)
    configuration.timeToLive = .seconds(1)
    let short = try await TestStore(configuration)
    try await long.put(try snapshot("w"))
    let heardLong = Heard(long)
    let heardShort = Heard(short)
    try await eventually("both to hear") { heardLong.latest("w") != nil && heardShort.latest("w") != nil }
    try await redis.cli("FLUSHALL")
    try await eventually("the expiry") { heardShort.latest("w") == nil }
    #expect(heardLong.latest("w") != nil)
  }
}
