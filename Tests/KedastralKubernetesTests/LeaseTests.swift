import Foundation
import KedastralCore
import TestSupport
import Testing

@testable import KedastralKubernetes

@Suite("Leases")
struct LeaseTests {
  private static let key = ObjectKey(namespace: "kedastral", name: "shard-1")
  private static let start = Date(timeIntervalSince1970: 1_800_000_000)

  private static func at(_ seconds: Double) -> Date { start.addingTimeInterval(seconds) }

  @Test(
    "a lease changes hands only after it has been seen unchanged for its duration, whatever the writer's clock says")
  func expiry() {
    var first = LeaseCandidate(Self.key, identity: "first", duration: .seconds(15))
    var second = LeaseCandidate(Self.key, identity: "second", duration: .seconds(15))
    guard case .write(var lease) = first.decide(nil, now: Self.at(-86_400)) else {
      Issue.record("the lease is not created")
      return
    }
    #expect(second.decide(lease, now: Self.at(0)) == .wait)
    #expect(second.decide(lease, now: Self.at(14)) == .wait)
    // A renewal, by a clock that is a day behind.
    guard case .write(let renewed) = first.decide(lease, now: Self.at(-86_390)) else {
      Issue.record("the lease is not renewed")
      return
    }
    lease = renewed
    #expect(second.decide(lease, now: Self.at(15)) == .wait)
    #expect(second.decide(lease, now: Self.at(29)) == .wait)
    guard case .write(let taken) = second.decide(lease, now: Self.at(30)) else {
      Issue.record("the lease is not taken")
      return
    }
    #expect(taken.spec?.holderIdentity == "second")
    #expect(taken.spec?.leaseTransitions == 1)
    #expect(first.decide(taken, now: Self.at(31)) == .wait)
  }

  @Test("a released lease is taken at once, and only its holder releases it")
  func release() {
    var first = LeaseCandidate(Self.key, identity: "first", duration: .seconds(15))
    var second = LeaseCandidate(Self.key, identity: "second", duration: .seconds(15))
    guard case .write(let lease) = first.decide(nil, now: Self.start) else { return }
    #expect(second.released(lease) == nil)
    #expect(second.decide(first.released(lease), now: Self.at(1)) != .wait)
  }

  @Test("of two processes that write at the same time one holds the lease")
  func race() async throws {
    let server = try await APIServerDouble()
    defer { server.stop() }
    let client = server.client()
    var candidates = ["a", "b", "c"].map { LeaseCandidate(Self.key, identity: $0, duration: .seconds(15)) }
    for round in 0..<3 {
      // All read before one writes; in the second and third round the lease has expired for those who do not hold it.
      let lease = try await client.get(Lease.self, Self.key)
      var winners = 0
      for index in candidates.indices {
        guard case .write(let wanted) = candidates[index].decide(lease, now: Self.at(Double(round) * 20)) else {
          continue
        }
        if try await client.write(wanted) { winners += 1 }
      }
      #expect(winners == 1)
    }
  }

  @Test("instants are written with six digits of a second")
  func microTime() {
    #expect(LeaseCandidate.text(Self.at(0.25)) == "2027-01-15T08:00:00.250000Z")
    #expect(LeaseCandidate.text(Self.at(0)) == "2027-01-15T08:00:00.000000Z")
  }
}
