import Foundation
import KedastralCore
import KedastralRedisStore
import TestSupport
import Testing

@Suite("Redis store")
struct RedisStoreTests {
  @Test("gets, lists and removes what was put")
  func roundTrip() async throws {
    let redis = try await RedisServer()
    let store = try await TestStore(.loopback(redis.port))
    let b = try snapshot("b", replicas: 3)
    #expect(try await store.put(b) == .stored)
    #expect(try await store.put(try snapshot("a")) == .stored)
    #expect(try await store.get(b.workload) == b)
    #expect(try await store.list().map(\.text) == ["a", "b"])
    try await store.remove(b.workload)
    #expect(try await store.get(b.workload) == nil)
    #expect(try await store.list().map(\.text) == ["a"])
  }

  @Test("keeps session state beside its plan for a day, does not list it as a workload, and removes it with the plan")
  func state() async throws {
    let redis = try await RedisServer()
    let store = try await TestStore(.loopback(redis.port))
    let plan = try snapshot("api-app")
    #expect(try await store.state(of: plan.workload) == nil)
    try await store.put(plan)
    let state = Data((0..<5000).map { UInt8(truncatingIfNeeded: $0) })
    for state in [Data("first".utf8), state] { try await store.putState(state, of: plan.workload) }
    #expect(try await store.state(of: plan.workload) == state)
    let left = try #require(Int(try await redis.cli("TTL", "forecast:api-app:state")))
    #expect((86_300...86_400).contains(left))
    #expect(try await store.list().map(\.text) == ["api-app"])
    try await store.remove(plan.workload)
    #expect(try await redis.cli("DBSIZE") == "0")
  }

  @Test("stores JSON under forecast:<workload> with the time to live")
  func contract() async throws {
    let redis = try await RedisServer()
    var configuration = RedisConfiguration.loopback(redis.port)
    configuration.timeToLive = .seconds(100)
    let store = try await TestStore(configuration)
    let stored = try snapshot("api-app")
    try await store.put(stored)
    #expect(try await redis.cli("GET", "forecast:api-app") == String(decoding: try stored.json(), as: UTF8.self))
    let left = try #require(Int(try await redis.cli("PTTL", "forecast:api-app")))
    #expect((90_000...100_000).contains(left))
  }

  @Test(
    "an older snapshot never replaces a newer one in any time format, unless that one is dated ahead",
    arguments: [
      ("2026-01-31T12:00:00.250Z", 0.25, true), ("2026-01-31T12:00:00Z", 0.25, true),
      ("2026-01-31T12:00:00.251Z", 0.25, false), ("2026-01-31T12:00:01Z", 0.999, false),
      ("2026-01-31T13:00:00+01:00", 0, true), ("2026-01-31T13:00:00.001+01:00", 0, false),
      ("2026-01-31T06:30:00.5-05:30", 0.5, true), ("2025-12-31T23:59:59.999999999Z", 0, true),
      ("2999-02-28T00:00:00Z", 0, true), ("2024-03-01T00:00:00Z", 0, true), ("yesterday", 0, true),
    ] as [(String, Double, Bool)])
  func comparesOnTheServer(present: String, secondsAfterNoon: Double, stored: Bool) async throws {
    let redis = try await RedisServer()
    let store = try await TestStore(.loopback(redis.port))
    try await redis.cli("SET", "forecast:w", #"{"metric":"\"generatedAt\":\"x\"", "generatedAt" : "\#(present)"}"#)
    let instant = noon.addingTimeInterval(secondsAfterNoon)
    #expect(try await store.put(try snapshot("w", at: instant)) == (stored ? .stored : .superseded))
  }

  @Test("many concurrent puts share one connection and all succeed")
  func pipelines() async throws {
    let redis = try await RedisServer()
    let store = try await TestStore(.loopback(redis.port))
    try await withThrowingTaskGroup(of: Void.self) { group in
      for index in 0..<2000 { group.addTask { try await store.put(try snapshot("w\(index)")) } }
      try await group.waitForAll()
    }
    #expect(try await store.list().count == 2000)
    #expect(try await redis.cli("INFO", "clients").contains("connected_clients:2"))
  }

  @Test("databases are separate, in keys and in messages")
  func databases() async throws {
    let redis = try await RedisServer()
    var configuration = RedisConfiguration.loopback(redis.port)
    let zero = try await TestStore(configuration)
    configuration.database = 3
    let three = try await TestStore(configuration)
    let heardInZero = Heard(zero)
    let heardInThree = Heard(three)
    try await three.put(try snapshot("w"))
    try await eventually("the update") { heardInThree.latest("w") != nil }
    #expect(try await zero.list().isEmpty)
    #expect(heardInZero.all.isEmpty)
    #expect(try await redis.cli("-n", "3", "EXISTS", "forecast:w") == "1")
  }

  @Test("works over a Unix socket and over IPv6")
  func addresses() async throws {
    let folder = try TemporaryFolder()
    let socket = folder.url.appendingPathComponent("redis.sock").path
    let redis = try await RedisServer(["--bind", "127.0.0.1", "-::1", "--unixsocket", socket])
    for url in ["unix://\(socket)?db=2", "redis://[::1]:\(redis.port)/2", "redis://localhost:\(redis.port)/2"] {
      let store = try await TestStore(.quick(.init(url: url)))
      #expect(try await store.put(try snapshot("w")) == .stored)
    }
  }

  @Test("reads the keys of the Go implementation as well, and uses the newer plan")
  func referenceKeys() async throws {
    let redis = try await RedisServer()
    var configuration = RedisConfiguration.loopback(redis.port)
    configuration.alsoReadPrefixes = [RedisConfiguration.referencePrefix]
    let test = try await TestStore(configuration)
    try await redis.cli(
      "SET", "kedastral:snapshot:w",
      #"{"Workload":"w","Metric":"rps","GeneratedAt":"2026-01-31T12:00:00.5Z","StepSeconds":60,"HorizonSeconds":60,"Values":[5],"DesiredReplicas":[7]}"#
    )
    try await test.put(try snapshot("w", replicas: 2))
    #expect(try await test.get(WorkloadName("w"))?.desiredReplicas == [7])
    #expect(try await test.list().map(\.text) == ["w"])
    let heard = Heard(test)
    try await eventually("the newer plan") { heard.latest("w")?.desiredReplicas == [7] }
  }

  @Test("rejects invalid settings at once")
  func refusesSettings() async throws {
    var configuration = RedisConfiguration(deployment: .cluster(nodes: [.network(host: "a", port: 1)]))
    configuration.database = 1
    let cluster = configuration
    let error = await #expect(throws: RedisConfiguration.InvalidSetting.self) { _ = try await TestStore(cluster) }
    #expect(error?.description == "Redis: a cluster has database 0 alone, not 1")
    configuration = .loopback(1)
    configuration.tls = .init(files: .init(authorities: "/nonexistent/ca.pem"))
    let tls = configuration
    await #expect(throws: (any Error).self) { _ = try await TestStore(tls) }
  }
}
