import KedastralKubernetes
import KedastralRedisStore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The forecasters that write to a cluster, as one Lease lists them: what the Lease says goes in, what to write comes out.
///
/// Each member renews its entry by replacing the Lease, which the server refuses when another member has written meanwhile. So
/// reading and renewing are one step, as with the leases in Redis, and ``MembershipState`` divides the work by the same rules.
/// The server has no clock that can be read, and clocks of two machines may differ: a member's lease ends, for this process,
/// when its entry has been seen unchanged for the length of a lease. Renewals are numbered, so that it is known which of them
/// another member has seen.
struct LeaseRoll: Sendable {
  /// What the annotation contains.
  struct Content: Codable, Equatable, Sendable {
    struct Entry: Codable, Equatable, Sendable {
      /// The number of the member's latest renewal.
      var renewal: Int
      /// The number of the last renewal that the member knew to be written.
      var seen: Int
    }

    /// The number of the latest renewal of all.
    var latest = 0
    var members: [String: Entry] = [:]
  }

  /// A renewal that is not written yet.
  struct Renewal: Sendable {
    let lease: Lease
    let reply: MembershipState.Reply
    fileprivate let number: Int
  }

  static let annotation = "kedastral.io/members"
  /// Larger numbers are not ours.
  private static let largestNumber = 1 << 50
  private static let longestHistory = 256

  let member: String
  /// How long an entry counts without a renewal, in milliseconds.
  private let timeToLive: Int
  /// When each other member's renewal was first seen here.
  private var observed: [String: (renewal: Int, at: Int)] = [:]
  /// The latest renewals of this member that are known to be written, with their instants.
  private var own: [(number: Int, at: Int)] = []

  init(member: String, timeToLive: Duration) {
    self.member = member
    self.timeToLive = Int(timeToLive / .milliseconds(1))
  }

  /// The renewal that follows a Lease as it was just read; nil when there is none.
  ///
  /// - Parameter now: milliseconds by this process's clock.
  mutating func renewal(of lease: Lease?, key: ObjectKey, at now: Int, time: Date) -> Renewal {
    var content = Self.content(of: lease)
    let alive = others(in: content, at: now)
    let wasPresent = content.members[member] != nil
    // After a deletion of the Lease the numbers continue.
    let number = max(content.latest, own.last?.number ?? 0) + 1
    content.latest = number
    content.members = content.members.filter { alive[$0.key] != nil }
    content.members[member] = Content.Entry(renewal: number, seen: own.last?.number ?? 0)
    // Two renewals within a millisecond must not look like one.
    let at = max(now, (own.last?.at ?? 0) + 2)
    var leases = alive
    leases[member] = MemberLease(end: at + timeToLive, seen: own.last?.at ?? 0)
    let reply = MembershipState.Reply(now: at, wasPresent: wasPresent, leases: leases, uptime: Self.largestNumber)
    return Renewal(lease: write(content, to: lease ?? Lease(key), at: time), reply: reply, number: number)
  }

  /// Notes that a renewal has been written.
  mutating func noteWritten(_ renewal: Renewal) {
    own.append((renewal.number, renewal.reply.now))
    own.removeFirst(max(0, own.count - Self.longestHistory))
  }

  /// The Lease without this member, so that the others need not wait for its end; nil when it is not in it.
  func withdrawal(from lease: Lease, at time: Date) -> Lease? {
    var content = Self.content(of: lease)
    guard content.members.removeValue(forKey: member) != nil else { return nil }
    return write(content, to: lease, at: time)
  }

  /// The other members that may be alive, and what they have seen, by this process's clock.
  private mutating func others(in content: Content, at now: Int) -> [String: MemberLease] {
    var leases: [String: MemberLease] = [:]
    var seen: [String: (renewal: Int, at: Int)] = [:]
    for (name, entry) in content.members where name != member {
      var known = (renewal: entry.renewal, at: now)
      if let before = observed[name], before.renewal == entry.renewal { known = before }
      // The entry of a dead member is remembered until it is removed: it must not count as new again.
      seen[name] = known
      guard now < known.at + timeToLive else { continue }
      // The member has seen what this one wrote before the renewal with that number.
      let before = own.last { $0.number < entry.seen }
      leases[name] = MemberLease(end: known.at + timeToLive, seen: before.map { $0.at + 1 } ?? 0)
    }
    observed = seen
    return leases
  }

  private func write(_ content: Content, to lease: Lease, at time: Date) -> Lease {
    var lease = lease
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    lease.annotations[Self.annotation] = (try? encoder.encode(content)).map { String(decoding: $0, as: UTF8.self) }
    var spec = lease.spec ?? Lease.Spec()
    spec.holderIdentity = content.members.keys.sorted().joined(separator: ",")
    spec.leaseDurationSeconds = max(1, timeToLive / 1000)
    spec.renewTime = KubernetesTime.micros(time)
    lease.spec = spec
    return lease
  }

  /// What a Lease says; what is not ours counts as nothing.
  private static func content(of lease: Lease?) -> Content {
    guard let text = lease?.annotations[annotation],
      let content = try? JSONDecoder().decode(Content.self, from: Data(text.utf8)),
      content.latest < largestNumber, content.members.values.allSatisfy({ $0.renewal <= content.latest })
    else { return Content() }
    return content
  }
}
