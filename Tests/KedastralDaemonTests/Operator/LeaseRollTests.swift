import Foundation
import KedastralCore
import KedastralKubernetes
import KedastralRedisStore
import KedastralTesting
import Testing

@testable import KedastralDaemon

/// A member of a roll, and the Lease on a server that refuses a version which is not the newest.
private final class Server {
  private(set) var lease: Lease?
  private(set) var version = 0

  func write(_ new: Lease, over read: Int) -> Bool {
    guard read == version else { return false }
    lease = new
    version += 1
    return true
  }
}

private final class Member {
  static let key = ObjectKey(namespace: "kedastral", name: "kedastral-operator")
  var roll: LeaseRoll
  var membership: MembershipState

  init(_ name: String, timeToLive: Duration = .seconds(12)) {
    roll = LeaseRoll(member: name, timeToLive: timeToLive)
    membership = MembershipState(member: name, timeToLive: timeToLive)
  }

  /// Renews at an instant in milliseconds of this member's clock.
  func renew(_ server: Server, at now: Int, from start: ContinuousClock.Instant) -> Bool {
    let read = server.version
    let renewal = roll.renewal(of: server.lease, key: Self.key, at: now, time: Date(timeIntervalSince1970: 0))
    guard server.write(renewal.lease, over: read) else { return false }
    roll.noteWritten(renewal)
    membership.renewed(renewal.reply, sentAt: start + .milliseconds(now))
    return true
  }
}

@Suite("Shares of the operators")
struct LeaseRollTests {
  private let start = ContinuousClock.now

  private func shard(_ member: Member, at now: Int) -> Shard {
    member.membership.shard(at: start + .milliseconds(now))
  }

  @Test("the first member writes at once, and a second one after the first has released its share")
  func joining() {
    let server = Server()
    let (first, second) = (Member("first"), Member("second"))
    #expect(first.renew(server, at: 0, from: start))
    #expect(shard(first, at: 0).owns(key: "shop/web"))
    #expect(second.renew(server, at: 1000, from: start))
    #expect(!shard(second, at: 1000).isActive)
    // It has read the newcomer's entry; what it writes next says so.
    #expect(first.renew(server, at: 4000, from: start))
    #expect(shard(first, at: 4000).members == ["first", "second"])
    #expect(second.renew(server, at: 5000, from: start))
    #expect(!shard(second, at: 5000).isActive)
    #expect(first.renew(server, at: 8000, from: start))
    #expect(second.renew(server, at: 9000, from: start))
    #expect(shard(second, at: 9000).isActive)
    #expect(server.lease?.spec?.holderIdentity == "first,second")
    let owners = (0..<50).map { key in
      [first, second].count { shard($0, at: 9000).owns(key: "shop/\(key)") }
    }
    #expect(owners.allSatisfy { $0 == 1 })
  }

  @Test("a member that dies is replaced when its entry has not changed for a lease; one that leaves, at once")
  func leaving() throws {
    let server = Server()
    let (first, second) = (Member("first"), Member("second"))
    for now in [0, 4000, 8000] {
      #expect(first.renew(server, at: now, from: start))
      #expect(second.renew(server, at: now + 1, from: start))
    }
    // The first one dies; its last renewal was seen at 8001.
    for now in [12_000, 16_000, 20_000] { #expect(second.renew(server, at: now, from: start)) }
    #expect(shard(second, at: 20_000).members == ["first", "second"])
    #expect(!shard(first, at: 20_001).isActive)
    #expect(second.renew(server, at: 20_100, from: start))
    #expect(shard(second, at: 20_100).members == ["second"] && shard(second, at: 20_100).isActive)

    let third = Member("third")
    for now in [21_000, 25_000, 29_000] {
      #expect(third.renew(server, at: now, from: start) && second.renew(server, at: now + 1, from: start))
    }
    #expect(shard(third, at: 29_000).isActive)
    let last = try #require(server.lease)
    let rest = try #require(second.roll.withdrawal(from: last, at: .now))
    #expect(server.write(rest, over: server.version))
    #expect(rest.spec?.holderIdentity == "third")
    #expect(second.roll.withdrawal(from: rest, at: .now) == nil)
    #expect(third.renew(server, at: 29_100, from: start))
    #expect(shard(third, at: 29_100).members == ["third"])
  }

  @Test("a member that was paused beyond its lease waits again until the others have seen it")
  func pause() {
    let server = Server()
    let (first, second) = (Member("first"), Member("second"))
    for now in [0, 4000, 8000] {
      #expect(first.renew(server, at: now, from: start))
      #expect(second.renew(server, at: now + 1, from: start))
    }
    #expect(shard(first, at: 8001).isActive)
    for now in stride(from: 12_000, through: 40_000, by: 4000) { #expect(second.renew(server, at: now, from: start)) }
    #expect(first.renew(server, at: 41_000, from: start))
    #expect(!shard(first, at: 41_000).isActive && shard(first, at: 41_000).term == 2)
    #expect(second.renew(server, at: 44_000, from: start) && second.renew(server, at: 44_010, from: start))
    #expect(first.renew(server, at: 45_000, from: start))
    #expect(shard(first, at: 45_000).isActive)
  }

  @Test(
    "what is not ours in the Lease counts as nothing",
    arguments: [
      "", "[]", "{", #"{"latest":-1}"#, #"{"latest":1,"members":{"x":{"renewal":9,"seen":0}}}"#,
      #"{"latest":9223372036854775807,"members":{}}"#,
      #"{"latest":5,"members":{"x":{"renewal":9223372036854775807,"seen":9223372036854775807}}}"#,
    ])
  func hostile(text: String) {
    let server = Server()
    var lease = Lease(Member.key)
    lease.annotations = [LeaseRoll.annotation: text, "theirs": "kept"]
    #expect(server.write(lease, over: 0))
    let member = Member("a")
    #expect(member.renew(server, at: 0, from: start))
    #expect(shard(member, at: 0).isActive)
    #expect(server.lease?.annotations["theirs"] == "kept")
  }

  @Test(
    "no object ever has two writers, whatever happens to members, clocks, answers and the Lease",
    arguments: Array(0..<20) as [UInt64])
  func neverTwoWriters(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    let server = Server()
    var members: [String: Member] = [:]
    var pausedUntil: [String: Int] = [:]
    // Clocks of machines have nothing to do with each other; they run at the same rate.
    let skew = ["a": 0, "b": 500_000, "c": 3, "d": 77_000]
    // What a paused member had read before it writes.
    var read: [String: (Lease?, version: Int, at: Int)] = [:]
    var (now, active) = (0, 0)
    for _ in 0..<2000 {
      now += Int.random(in: 1...400, using: &random)
      for id in skew.keys.sorted() where (pausedUntil[id] ?? 0) <= now {
        if members[id] == nil, Int.random(in: 0..<60, using: &random) == 0 { members[id] = Member(id) }
        guard let member = members[id] else { continue }
        let clock = now + (skew[id] ?? 0)
        switch Int.random(in: 0..<500, using: &random) {
        case 0: pausedUntil[id] = now + Int.random(in: 1000...40_000, using: &random)
        case 1:
          members[id] = nil
          read[id] = nil
        case 2..<130:
          // Reading and writing are two requests, between which anything may happen.
          guard let before = read.removeValue(forKey: id) else {
            read[id] = (server.lease, server.version, clock)
            break
          }
          let renewal = member.roll.renewal(
            of: before.0, key: Member.key, at: clock, time: Date(timeIntervalSince1970: 0))
          let isWritten = server.write(renewal.lease, over: before.version)
          // Some answers are lost.
          if isWritten, Int.random(in: 0..<8, using: &random) != 0 {
            member.roll.noteWritten(renewal)
            member.membership.renewed(renewal.reply, sentAt: start + .milliseconds(before.at - (skew[id] ?? 0)))
          }
          members[id] = member
        default: break
        }
      }
      let shards = members.values.map { $0.membership.shard(at: start + .milliseconds(now)) }.filter(\.isActive)
      for key in ["shop/a", "shop/b", "shop/c", "x/a", "x/b"] {
        let owners = shards.count { $0.owns(key: key) }
        if owners > 1 { Issue.record("\(key) has \(owners) writers at \(now)") }
        active += owners
      }
    }
    #expect(active > 1000)
  }
}
