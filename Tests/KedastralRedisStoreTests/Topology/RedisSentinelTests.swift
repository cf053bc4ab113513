import Foundation
import KedastralCore
import KedastralNet
import KedastralRedisStore
import TestSupport
import Testing

@Suite("Redis Sentinel")
struct RedisSentinelTests {
  @Test("the replica of a killed master takes over, and neither writers nor readers need a restart")
  func failover() async throws {
    let master = try await RedisServer(
      ["--requirepass", "data", "--masterauth", "data"], cli: ["-a", "data", "--no-auth-warning"])
    let replica = try await RedisServer(
      [
        "--requirepass", "data", "--masterauth", "data", "--replicaof", "127.0.0.1", "\(master.port)",
        "--repl-diskless-sync-delay", "0",
      ],
      cli: ["-a", "data", "--no-auth-warning"])
    let sentinel = try await RedisServer(
      sentinelOf: master.port, settings: "sentinel auth-pass master data", password: "watch")
    let deadSentinel = freePort()
    var configuration = RedisConfiguration.quick(
      .init(
        deployment: .sentinel(
          master: "master",
          sentinels: [deadSentinel, sentinel.port].map { .network(host: "127.0.0.1", port: $0) })))
    configuration.credentials = .init(password: .text("data"))
    configuration.sentinelCredentials = .init(password: .text("watch"))
    configuration.sweepInterval = .seconds(3600)
    // A sentinel whose machine was paused for two seconds does nothing for the next thirty.
    configuration.callDeadline = .seconds(120)
    let store = try await TestStore(configuration)
    let heard = Heard(store)
    try await store.put(try snapshot("w"))
    try await eventually("the first snapshot") { heard.latest("w") != nil }
    try await eventually("replication") { try await replica.cli("EXISTS", "forecast:w") == "1" }
    try await eventually("the sentinel to know the replica") {
      try await sentinel.cli("SENTINEL", "replicas", "master").contains("\(replica.port)")
    }

    master.kill()
    let second = try snapshot("w", at: noon + .seconds(1), replicas: 2)
    #expect(try await store.put(second) == .stored)
    try await eventually("the second snapshot") { heard.latest("w") == second }
    #expect(try await replica.cli("ROLE").hasPrefix("master"))
  }

  @Test("reports each sentinel's reply when no sentinel knows the master")
  func unknownMaster() async throws {
    let master = try await RedisServer()
    let sentinel = try await RedisServer(sentinelOf: master.port)
    let dead = freePort()
    var configuration = RedisConfiguration.quick(
      .init(
        deployment: .sentinel(
          master: "other", sentinels: [dead, sentinel.port].map { .network(host: "127.0.0.1", port: $0) })))
    configuration.callDeadline = .seconds(3)
    let store = try await TestStore(configuration)
    let error = await #expect(throws: ForecastStoreError.self) { try await store.put(try snapshot("w")) }
    let text = error?.description ?? ""
    #expect(text.contains("put w: redis master 'other': no connection within 3s (no sentinel helps: "))
    #expect(text.contains("127.0.0.1:\(dead): Connection refused"))
    #expect(text.contains("127.0.0.1:\(sentinel.port): it knows no master 'other'"))
  }
}
