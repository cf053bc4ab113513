import KedastralCore
import KedastralTesting
import Testing

@testable import KedastralRedisStore

@Suite("Sharing workloads")
struct MembershipStateTests {
  private let start = ContinuousClock.now

  private func workloads(_ count: Int) throws -> [WorkloadName] { try (0..<count).map { try WorkloadName("w\($0)") } }

  /// A server's reply; members that are not in `seen` have seen nothing yet.
  private func reply(
    _ now: Int, wasPresent: Bool, _ leases: [String: Int], seen: [String: Int] = [:], uptime: Int = 86_400_000
  ) -> MembershipState.Reply {
    let known = leases.map { ($0.key, MemberLease(end: $0.value, seen: seen[$0.key] ?? 0)) }
    return .init(
      now: now, wasPresent: wasPresent, leases: Dictionary(uniqueKeysWithValues: known), uptime: uptime)
  }

  @Test("workloads are divided evenly, and only a changed member's share moves", arguments: 2...8)
  func rendezvous(count: Int) throws {
    let members = (0..<count).map { "forecaster-\($0)" }
    let names = (0..<4000).map { "workload-\($0)" }
    let before = names.map { Rendezvous.owner(of: $0, among: members) }
    let after = names.map { Rendezvous.owner(of: $0, among: members.reversed() + ["newcomer"]) }
    let moved = zip(before, after).filter { $0 != $1 }
    #expect(moved.allSatisfy { $0.1 == "newcomer" })
    let fair = 4000.0 / Double(count + 1)
    #expect(abs(Double(moved.count) - fair) < 6 * fair.squareRoot())
    for member in members {
      let share = Double(before.count { $0 == member })
      #expect(abs(share - 4000 / Double(count)) < 6 * (4000 / Double(count)).squareRoot())
    }
  }

  @Test("the first member starts at once; a new one starts after all others have seen it")
  func joining() throws {
    var state = MembershipState(member: "b", timeToLive: .seconds(12))
    #expect(!state.shard(at: start).isActive)
    state.renewed(reply(1000, wasPresent: false, ["a": 9000, "b": 13_000], seen: ["a": 900]), sentAt: start)
    #expect(!state.shard(at: start).isActive)
    // It has renewed its lease since, but it may not have received the reply.
    state.renewed(
      reply(4000, wasPresent: true, ["a": 14_000, "b": 16_000], seen: ["a": 900]), sentAt: start + .seconds(3))
    #expect(!state.shard(at: start + .seconds(3)).isActive)
    state.renewed(
      reply(7000, wasPresent: true, ["a": 16_500, "b": 19_000], seen: ["a": 2000]), sentAt: start + .seconds(6))
    #expect(state.shard(at: start + .seconds(6)).isActive)
    #expect(state.shard(at: start + .seconds(6)).term == 1)

    var alone = MembershipState(member: "a", timeToLive: .seconds(12))
    alone.renewed(reply(1000, wasPresent: false, ["a": 13_000]), sentAt: start)
    let shard = alone.shard(at: start)
    #expect(try workloads(10).allSatisfy { shard.owns($0) })
  }

  @Test("a lease that is not renewed ends, and so does the permission to write")
  func expiry() throws {
    var state = MembershipState(member: "a", timeToLive: .seconds(12))
    state.renewed(reply(1000, wasPresent: false, ["a": 13_000]), sentAt: start)
    #expect(state.writeLimit(at: start + .seconds(11)) == 13_000)
    #expect(state.writeLimit(at: start + .seconds(12)) == nil)
    let name = try WorkloadName("w")
    #expect(!state.shard(at: start + .seconds(12)).owns(name))
    state.renewed(reply(20_000, wasPresent: false, ["a": 32_000, "b": 30_000]), sentAt: start + .seconds(19))
    #expect(state.shard(at: start + .seconds(19)).term == 2)
    #expect(!state.shard(at: start + .seconds(19)).isActive)
  }

  @Test("a lost reply to a renewal does not hide that the lease had lapsed")
  func lostAnswer() {
    var state = MembershipState(member: "a", timeToLive: .seconds(12))
    state.renewed(reply(1000, wasPresent: false, ["a": 13_000]), sentAt: start)
    // Another member joined the server at 14,000, and no other member has seen it.
    state.renewed(reply(15_000, wasPresent: true, ["a": 27_000, "b": 26_000]), sentAt: start + .seconds(14))
    let shard = state.shard(at: start + .seconds(14))
    #expect(shard.term == 2)
    #expect(!shard.isActive)
  }

  @Test("after the server has lost its leases, no member takes a workload that another still holds")
  func lostLeases() throws {
    var state = MembershipState(member: "a", timeToLive: .seconds(12))
    state.renewed(reply(1000, wasPresent: false, ["a": 13_000]), sentAt: start)
    state.renewed(reply(2000, wasPresent: true, ["a": 14_000, "b": 13_500]), sentAt: start + .seconds(1))
    state.renewed(reply(5000, wasPresent: false, ["a": 17_000]), sentAt: start + .seconds(4))
    #expect(state.shard(at: start + .seconds(4)).members == ["a", "b"])
    state.renewed(reply(14_000, wasPresent: true, ["a": 26_000]), sentAt: start + .seconds(13))
    #expect(state.shard(at: start + .seconds(13)).members == ["a"])
  }

  @Test("a member that joins a server that may have lost leases waits until they would have expired")
  func joiningAfterALoss() {
    var newcomer = MembershipState(member: "b", timeToLive: .seconds(12))
    newcomer.renewed(reply(50_000, wasPresent: false, ["b": 62_000], uptime: 4000), sentAt: start)
    #expect(!newcomer.shard(at: start).isActive)
    newcomer.renewed(reply(57_000, wasPresent: true, ["b": 69_000], uptime: 11_000), sentAt: start + .seconds(7))
    #expect(!newcomer.shard(at: start + .seconds(7)).isActive)
    newcomer.renewed(reply(58_000, wasPresent: true, ["b": 70_000], uptime: 12_000), sentAt: start + .seconds(8))
    #expect(newcomer.shard(at: start + .seconds(8)).isActive)

    // A member whose lease has not expired knows all others, and continues at once.
    var old = MembershipState(member: "a", timeToLive: .seconds(12))
    old.renewed(reply(1000, wasPresent: false, ["a": 13_000]), sentAt: start)
    old.renewed(reply(4000, wasPresent: false, ["a": 16_000], uptime: 500), sentAt: start + .seconds(3))
    #expect(old.shard(at: start + .seconds(3)).isActive)
  }

  @Test(
    "no workload ever has two owners, whatever happens to processes and the server",
    arguments: Array(0..<20) as [UInt64])
  func neverTwoOwners(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let names = try workloads(8)
    let timeToLive = 12_000
    var server: [String: MemberLease] = [:]
    var states: [String: MembershipState] = [:]
    var pausedUntil: [String: Int] = [:]
    var now = 0
    var active = 0
    for _ in 0..<1000 {
      now += Int.random(in: 1...400, using: &random)
      for id in ["a", "b", "c", "d", "e"] where (pausedUntil[id] ?? 0) <= now {
        if states[id] == nil, Int.random(in: 0..<50, using: &random) == 0 {
          states[id] = MembershipState(member: id, timeToLive: .milliseconds(timeToLive))
        }
        guard var state = states[id] else { continue }
        if Int.random(in: 0..<400, using: &random) == 0 {
          pausedUntil[id] = now + Int.random(in: 1000...40_000, using: &random)
        } else if Int.random(in: 0..<4, using: &random) == 0 {
          server = server.filter { $0.value.end > now }
          let wasPresent = server[id] != nil
          server[id] = MemberLease(end: now + timeToLive, seen: state.seen)
          // The reply may be slow; the time of sending counts.
          let sentAt = start + .milliseconds(now - Int.random(in: 0...50, using: &random))
          if Int.random(in: 0..<8, using: &random) == 0 { continue }
          state.renewed(.init(now: now, wasPresent: wasPresent, leases: server, uptime: 86_400_000), sentAt: sentAt)
          states[id] = state
        }
      }
      let shards = states.values.map { $0.shard(at: start + .milliseconds(now)) }.filter(\.isActive)
      for name in names {
        let owners = shards.count { $0.owns(name) }
        if owners > 1 { Issue.record("\(name) has \(owners) owners at \(now)") }
        active += owners
      }
    }
    #expect(active > 1000)
  }
}
