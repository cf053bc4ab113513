/// What a process knows of its lease and of the others', and what follows for its share.
///
/// No workload has two owners, as far as clocks run evenly:
/// - a lease counts, for its holder, from before the renewal was sent, so it ends here before it ends on the server;
/// - a process that joins waits until every other one has said that it has seen it, and so has let go of its share;
/// - when the server has lost its leases, the others are taken to be there until theirs would have run out, and a process
///   that does not know them waits until the server has run for as long as a lease. (A server that is emptied without
///   being restarted is not recognised; then the comparison of instants alone keeps plans from going back.)
struct MembershipState {
  /// This process.
  let member: String
  /// How long a lease lasts on the server.
  let timeToLive: Duration
  /// The server's instant of the last renewal that was answered; 0 before.
  private(set) var seen = 0
  private var term = 0
  private var joinedAt = 0
  /// By the server's clock, until when there may be leases that it has lost and that this process does not know.
  private var quietUntil = 0
  private var endsAt: ContinuousClock.Instant?
  private var serverEnd = 0
  private var leases: [String: Lease] = [:]
  /// Others that may not know of us yet.
  private var unaware: Set<String> = []
  /// Others that the server has lost.
  private var lost: [String: Lease] = [:]

  /// Creates the state of a process that has not joined.
  init(member: String, timeToLive: Duration) {
    self.member = member
    self.timeToLive = timeToLive
  }

  /// Takes the answer to a renewal that was sent at `sentAt`.
  mutating func renewed(_ reply: LeaseScript.Reply, sentAt: ContinuousClock.Instant) {
    let others = reply.leases.filter { $0.key != member }
    // An answer that was lost may have hidden that the lease had lapsed: what counts is the lease that we know of.
    if !reply.wasPresent || reply.now >= serverEnd {
      // No lease that was given before the server's start lasts longer than this.
      let lossEnd = reply.now - reply.uptime + Int(timeToLive.inSeconds * 1000)
      for (other, lease) in leases where other != member {
        lost[other] = Lease(end: max(lease.end, lossEnd), seen: lease.seen)
      }
      // Who joins while our lease lasts waits for us; so until its end we know all others.
      if reply.now >= serverEnd { quietUntil = lossEnd }
      term += 1
      joinedAt = reply.now
      unaware.formUnion(others.keys)
    }
    lost = lost.filter { $0.value.end > reply.now && others[$0.key] == nil }
    // By its silence, a member whose lease is gone has let go too.
    unaware = unaware.filter { other in others[other].map { $0.seen <= joinedAt } ?? (lost[other] != nil) }
    leases = reply.leases
    serverEnd = reply.leases[member]?.end ?? 0
    endsAt = sentAt + timeToLive
    seen = reply.now
  }

  /// When the lease ends, by this process's clock; nil before it has joined.
  var end: ContinuousClock.Instant? { endsAt }

  /// The share as of `now`.
  func shard(at now: ContinuousClock.Instant) -> Shard {
    let members = Set(leases.keys).union(lost.keys).union([member])
    return Shard(
      member: member, members: members.sorted(), term: term,
      isActive: isLeased(at: now) && unaware.isEmpty && seen >= quietUntil)
  }

  /// Until when, by the server's clock, the server may accept what this process writes; nil when it may not write.
  func writeLimit(at now: ContinuousClock.Instant) -> Int? { isLeased(at: now) ? serverEnd : nil }

  private func isLeased(at now: ContinuousClock.Instant) -> Bool { endsAt.map { now < $0 } ?? false }
}
