import Foundation
import KedastralCore
import KedastralNet
import KedastralRedisStore
import Synchronization
import TestSupport
import Testing

@Suite("Redis Cluster")
struct RedisClusterTests {
  private func configuration(_ cluster: RedisCluster, seeds: [Int] = [0]) -> RedisConfiguration {
    var configuration = RedisConfiguration.quick(
      .init(
        deployment: .cluster(
          nodes: [.network(host: "127.0.0.1", port: freePort())]
            + seeds.map { .network(host: "127.0.0.1", port: cluster.nodes[$0].port) })))
    configuration.sweepInterval = .seconds(3600)
    return configuration
  }

  @Test("distributes workloads over the nodes, and reads, lists and announces them as with one server")
  func spread() async throws {
    let cluster = try await RedisCluster()
    let store = try await TestStore(configuration(cluster))
    let reader = try await TestStore(configuration(cluster, seeds: [2]))
    for index in 0..<60 { try await store.put(try snapshot("w\(index)")) }
    for node in cluster.nodes { #expect(try await node.cli("DBSIZE") != "0") }
    #expect(try await store.list().count == 60)
    #expect(try await store.get(WorkloadName("w7")) == snapshot("w7"))
    let heard = Heard(reader)
    try await eventually("the sweep of all nodes") { heard.count == 60 }
    let newer = try snapshot("w7", at: noon + .seconds(1))
    try await store.put(newer)
    try await eventually("the message") { heard.latest("w7") == newer }
    try await store.remove(newer.workload)
    try await eventually("the removal") { heard.latest("w7") == nil }
    try await eventually("health") { store.health == .reachable }
  }

  @Test("connects to each node of a cluster over TLS by the node's own name")
  func tls() async throws {
    let certificates = try await TestCertificates()
    let cluster = try await RedisCluster(tls: certificates)
    var configuration = configuration(cluster)
    configuration.tls = .init(
      files: .init(
        certificate: certificates.client, key: certificates.clientKey, authorities: certificates.authority))
    let store = try await TestStore(configuration)
    for index in 0..<30 { try await store.put(try snapshot("w\(index)")) }
    for node in cluster.nodes { #expect(try await node.cli("DBSIZE") != "0") }
    let heard = Heard(store)
    try await eventually("the sweep of all nodes") { heard.count == 30 }
    let newer = try snapshot("w7", at: noon + .seconds(1))
    try await store.put(newer)
    try await eventually("the message") { heard.latest("w7") == newer }
  }

  @Test("no write is lost when a slot moves")
  func resharding() async throws {
    let cluster = try await RedisCluster()
    // A hash tag in the prefix puts all workloads into the slot that moves.
    var configuration = configuration(cluster)
    configuration.keyPrefix = "{plans}:"
    let store = try await TestStore(configuration)
    let names = ["a", "b", "c"].map { "moved-\($0)" }
    let slot = try #require(Int(try await cluster.nodes[0].cli("CLUSTER", "KEYSLOT", "{plans}:moved-a")))
    let source = slot < 5461 ? 0 : slot < 10_923 ? 1 : 2
    let target = (source + 1) % 3
    for name in names { try await store.put(try snapshot(name)) }

    let isDone = Flag()
    async let writes = writeSteadily(names, to: store, isDone)
    var round = 0
    try await cluster.migrate(slot: slot, from: source, to: target) { () async throws in
      round += 1
      // While keys are being moved: one that has moved or never existed is requested from the other node.
      #expect(try await store.put(try snapshot("moved-a", at: noon + .seconds(1_000_000 + round))) == .stored)
      #expect(try await store.get(WorkloadName("moved-a")) != nil)
    }
    #expect(try await store.put(try snapshot("moved-a", at: noon + .seconds(2_000_000))) == .stored)
    isDone.set()
    let written = try await writes
    #expect(written > 0)
    #expect(try await store.get(WorkloadName("moved-a"))?.generatedAt == noon + .seconds(2_000_000))
    #expect(try await cluster.nodes[target].cli("CLUSTER", "COUNTKEYSINSLOT", "\(slot)") == "3")
    for name in names.dropFirst() {
      #expect(try await store.get(WorkloadName(name))?.generatedAt == noon + .seconds(written))
    }
  }

  /// Writes increasingly newer snapshots; every one must be stored (or superseded by the test's own).
  private func writeSteadily(_ names: [String], to store: TestStore, _ isDone: Flag) async throws -> Int {
    var second = 0
    repeat {
      second += 1
      for name in names { _ = try await store.put(try snapshot(name, at: noon + .seconds(second))) }
    } while !isDone.isSet
    return second
  }

  private final class Flag: Sendable {
    private let value = Atomic(false)
    var isSet: Bool { value.load(ordering: .relaxed) }
    func set() { value.store(true, ordering: .relaxed) }
  }

  @Test("reports a lost node, and uses it again when it returns")
  func lostNode() async throws {
    let cluster = try await RedisCluster(timeoutMilliseconds: 60_000)
    let store = try await TestStore(configuration(cluster))
    for index in 0..<20 { try await store.put(try snapshot("w\(index)")) }
    try await eventually("health") { store.health == .reachable }
    cluster.nodes[1].signal(SIGSTOP)
    let waiting = Task {
      for index in 0..<20 { try await store.put(try snapshot("w\(index)", at: noon + .seconds(1))) }
    }
    cluster.nodes[1].kill()
    try await eventually("the node's absence") { store.health.problem?.contains("\(cluster.nodes[1].port)") == true }
    // The cluster's layout is in its file; the data is lost.
    try await cluster.nodes[1].restart()
    try await waiting.value
    try await eventually("health") { store.health == .reachable }
    #expect(try await store.list().count > 10)
  }
}
