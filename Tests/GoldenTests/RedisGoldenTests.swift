import Foundation
import KedastralCore
import KedastralNet
import KedastralRedisStore
import TestSupport
import Testing

@Suite("Golden: Redis keys and values")
struct RedisGoldenTests {
  private func plan(_ workload: String) throws -> Snapshot {
    try Snapshot(
      workload: try WorkloadName(workload), metric: "rps", generatedAt: SystemWallClock().now, step: .seconds(60),
      horizon: .seconds(120), values: [100, 150], desiredReplicas: [2, 3])
  }

  @Test("plans, state, histories and leases have the recorded keys, types and times to live")
  func keys() async throws {
    let redis = try await RedisServer()
    let loop = try EventLoop()
    let store = try await RedisStore(.init(server: .network(host: "127.0.0.1", port: redis.port)), on: loop)
    let listener = try ChildProcess("redis-cli", "-p", "\(redis.port)", "PSUBSCRIBE", "*")
    try await eventually("the subscription") { listener.output.contains("psubscribe") }
    let membership = ShardMembership(store: store, name: "one", lease: .seconds(60))
    let member = Task { await membership.run() }
    try await store.put(try plan("api-app"))
    try await store.putState(Data("{}".utf8), of: try WorkloadName("api-app"))
    try await store.putHistory(["0/1": Data("x".utf8)], of: try WorkloadName("api-app"), lifetime: .seconds(777_600))
    try await eventually("a lease") { try await redis.cli("EXISTS", "forecast:@leases") == "1" }
    var keys: [String: JSONDocument] = [:]
    for key in try await redis.cli("KEYS", "*").split(separator: "\n").map(String.init) {
      let seconds = Double(try await redis.cli("TTL", key)) ?? 0
      keys[key] = [
        "type": .text(try await redis.cli("TYPE", key)),
        // To the next whole minute, since some of it has passed.
        "minutesToLive": .number(seconds < 0 ? seconds : (seconds / 60).rounded(.up)),
      ]
    }
    try await eventually("the message") { listener.output.contains("pmessage") }
    let words = listener.output.split(separator: "\n").map(String.init)
    let message = try #require(words.firstIndex(of: "pmessage"))
    try Golden.check("redis", ["keys": .object(keys), "channel": .text(words[message + 2])])
    let published = try Snapshot(json: Data(words[message + 3].utf8))
    #expect(published.workload.text == "api-app" && published.desiredReplicas == [2, 3])
    member.cancel()
    await store.close()
    await loop.stop()
  }

  @Test("reads plans stored by other versions and by the Go implementation")
  func stored() async throws {
    let redis = try await RedisServer()
    let loop = try EventLoop()
    let full = try Golden.read("snapshot-full").data()
    try await redis.cli("SET", "forecast:api-app", String(decoding: full, as: UTF8.self))
    try await redis.cli(
      "SET", "kedastral:snapshot:worker-app",
      """
      {"Workload":"worker-app","Metric":"rps","GeneratedAt":"2026-01-31T06:00:00.123456789Z","StepSeconds":60,
       "HorizonSeconds":120,"Values":[100,150.5],"DesiredReplicas":[3,4]}
      """)
    var configuration = RedisConfiguration(server: .network(host: "127.0.0.1", port: redis.port))
    configuration.alsoReadPrefixes = ["kedastral:snapshot:"]
    let store = try await RedisStore(configuration, on: loop)
    let own = try Snapshot(json: full)
    #expect(try await store.get(WorkloadName("api-app")) == own)
    let foreign = try #require(try await store.get(WorkloadName("worker-app")))
    #expect(foreign.values == [100, 150.5] && foreign.desiredReplicas == [3, 4] && foreign.step == .seconds(60))
    await store.close()
    await loop.stop()
  }
}
