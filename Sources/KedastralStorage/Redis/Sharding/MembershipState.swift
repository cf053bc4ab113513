/// What a process knows about its own lease and the others', and the share that follows from it.
///
/// No workload has two owners, provided that clocks run at the same rate:
/// - a lease counts, for its holder, from before the renewal was sent, so it ends here before it ends on the server;
/// - a process that joins waits until every other process has confirmed that it has seen the new one, and so has
///   released that part of its share;
/// - when the server has lost its leases, the lost members are assumed to be alive until their leases would have
///   expired, and a process that does not know them waits until the server has run for the length of a lease. (A server
///   that is emptied without a restart is not detected; then only the comparison of instants prevents older plans from
///   replacing newer ones.)
package struct MembershipState: Sendable {
  /// The name of this process.
  package let member: String
  /// How long a lease lasts on the server.
  package let timeToLive: Duration
  /// The server's time of the last answered renewal; 0 before the first.
  package private(set) var seen = 0
  private var term = 0
  private var joinedAt = 0
  /// The server's time until which there may be leases that it has lost and that this process does not know.
  private var quietUntil = 0
  private var endsAt: ContinuousClock.Instant?
  private var serverEnd = 0
  private var leases: [String: MemberLease] = [:]
  /// Other members that may not have seen this one yet.
  private var unaware: Set<String> = []
  /// Other members whose leases the server has lost.
  private var lost: [String: MemberLease] = [:]

  /// Creates the state of a process that has not joined.
  package init(member: String, timeToLive: Duration) {
    self.member = member
    self.timeToLive = timeToLive
  }

  /// Applies the reply to a renewal that was sent at `sentAt`.
  package mutating func renewed(_ reply: Reply, sentAt: ContinuousClock.Instant) {
    let others = reply.leases.filter { $0.key != member }
    // A lost reply may have hidden that the lease had lapsed: only the lease of which we have the reply counts.
    if !reply.wasPresent || reply.now >= serverEnd {
      // No lease that was granted before the server's start lasts longer than this.
      let lossEnd = reply.now - reply.uptime + Int(timeToLive.inSeconds * 1000)
      for (other, lease) in leases where other != member {
        lost[other] = MemberLease(end: max(lease.end, lossEnd), seen: lease.seen)
      }
      // Members that join during our lease wait for us, so until it ends we know all others.
      if reply.now >= serverEnd { quietUntil = lossEnd }
      term += 1
      joinedAt = reply.now
      unaware.formUnion(others.keys)
    }
    lost = lost.filter { $0.value.end > reply.now && others[$0.key] == nil }
    // A member whose lease has expired has also stopped using its share.
    unaware = unaware.filter { other in others[other].map { $0.seen <= joinedAt } ?? (lost[other] != nil) }
    leases = reply.leases
    serverEnd = reply.leases[member]?.end ?? 0
    endsAt = sentAt + timeToLive
    seen = reply.now
  }

  /// When the lease ends, by this process's clock; nil before it has joined.
  package var end: ContinuousClock.Instant? { endsAt }

  /// The share as of `now`.
  package func shard(at now: ContinuousClock.Instant) -> Shard {
    let members = Set(leases.keys).union(lost.keys).union([member])
    return Shard(
      member: member, members: members.sorted(), term: term,
      isActive: isLeased(at: now) && unaware.isEmpty && seen >= quietUntil)
  }

  /// The server's time until which the server may accept what this process writes; nil when it may not write.
  package func writeLimit(at now: ContinuousClock.Instant) -> Int? { isLeased(at: now) ? serverEnd : nil }

  private func isLeased(at now: ContinuousClock.Instant) -> Bool { endsAt.map { now < $0 } ?? false }
}
