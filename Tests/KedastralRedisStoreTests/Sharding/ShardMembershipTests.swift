import Foundation
import KedastralCore
import KedastralRedisStore
import TestSupport
import Testing

@Suite("Leases in Redis")
struct ShardMembershipTests {
  /// One forecaster process of the test.
  private final class Member: Sendable {
    let test: TestStore
    let membership: ShardMembership
    private let running: Task<Void, Never>

    init(_ port: UInt16, name: String, lease: Duration) async throws {
      test = try await TestStore(.loopback(port))
      membership = ShardMembership(store: test.store, name: name, lease: lease)
      running = Task { [membership] in await membership.run() }
    }

    deinit { running.cancel() }

    func leave() async {
      running.cancel()
      await running.value
    }
  }

  private func names(_ count: Int = 40) throws -> [WorkloadName] {
    try (0..<count).map { try WorkloadName("w\($0)") }
  }

  @Test("members share all workloads, and the share of one that leaves or dies passes to the others")
  func sharing() async throws {
    let redis = try await RedisServer()
    let names = try names()
    let lease = Duration.milliseconds(1000)
    let a = try await Member(redis.port, name: "a", lease: lease)
    try await eventually("a to own all") { names.allSatisfy { a.membership.current.owns($0) } }
    let b = try await Member(redis.port, name: "b", lease: lease)
    let c = try await Member(redis.port, name: "c", lease: lease)
    let all = [a, b, c]
    try await eventually("each workload to have one owner of three") {
      let shards = all.map(\.membership.current)
      return shards.allSatisfy { $0.members.count == 3 && $0.isActive }
        && names.allSatisfy { name in shards.count { $0.owns(name) } == 1 }
    }
    #expect(try await a.test.list().isEmpty)
    await c.leave()
    try await eventually("two to own all") {
      let shards = [a, b].map(\.membership.current)
      return names.allSatisfy { name in shards.count { $0.owns(name) } == 1 }
    }
    // A killed process sends nothing.
    await b.test.store.close()
    try await eventually("a to own all again") { names.allSatisfy { a.membership.current.owns($0) } }
  }

  @Test("rejects plans from an earlier term, of another owner's workload, or after the lease")
  func fencing() async throws {
    let redis = try await RedisServer()
    let a = try await Member(redis.port, name: "a", lease: .seconds(4))
    try await eventually("a to own all") { a.membership.current.isActive }
    let shard = a.membership.current
    let fenced = a.membership.store(during: shard)
    #expect(try await fenced.put(try snapshot("w")) == .stored)

    redis.signal(SIGSTOP)
    try await eventually("the lease's end") { !a.membership.current.isActive }
    let error = await #expect(throws: ForecastStoreError.self) {
      try await fenced.put(try snapshot("w", at: noon + .seconds(1)))
    }
    #expect(error?.problem == "another process owns the workload now")
    // The server's lease ends a fifth later than the member assumes.
    try await Task.sleep(for: .seconds(2))
    redis.signal(SIGCONT)
    try await eventually("a new term") { a.membership.current.isActive && a.membership.current.term > shard.term }
    await #expect(throws: ForecastStoreError.self) { try await fenced.put(try snapshot("w", at: noon + .seconds(2))) }
    #expect(try await a.test.get(WorkloadName("w")) == snapshot("w"))
    let renewed = a.membership.store(during: a.membership.current)
    #expect(try await renewed.put(try snapshot("w", at: noon + .seconds(3))) == .stored)
  }

  @Test("listeners receive their share at once and after each change")
  func stream() async throws {
    let redis = try await RedisServer()
    let a = try await Member(redis.port, name: "a", lease: .milliseconds(1000))
    var shards = a.membership.shards().makeAsyncIterator()
    while let shard = await shards.next(), !shard.isActive {}
    let b = try await Member(redis.port, name: "b", lease: .milliseconds(1000))
    while let shard = await shards.next(), shard.members.count < 2 {}
    #expect(a.membership.current.members.count == 2)
    await b.leave()
    while let shard = await shards.next(), shard.members.count > 1 {}
  }
}
