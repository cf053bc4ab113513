/// What a process knows of its lease and of the others', and what follows for its share.
///
/// No workload has two owners, as far as clocks run evenly:
/// - a lease counts, for its holder, from before the renewal was sent, so it ends here before it ends on the server;
/// - a process that joins waits until every other one has renewed its lease since, and so has seen it and let go of its share;
/// - when the server has lost its leases, the others are taken to be there until theirs would have run out.
struct MembershipState {
  /// This process.
  let member: String
  /// How long a lease lasts on the server.
  let timeToLive: Duration
  private var term = 0
  private var endsAt: ContinuousClock.Instant?
  private var serverEnd = 0
  private var leases: [String: Int] = [:]
  /// Others that may not know of us yet, with the end of their lease when we joined.
  private var unaware: [String: Int] = [:]
  /// Others that the server has lost, with the end of their lease.
  private var lost: [String: Int] = [:]

  /// Creates the state of a process that has not joined.
  init(member: String, timeToLive: Duration) {
    self.member = member
    self.timeToLive = timeToLive
  }

  /// Takes the answer to a renewal that was sent at `sentAt`.
  mutating func renewed(_ reply: LeaseScript.Reply, sentAt: ContinuousClock.Instant) {
    let others = reply.leases.filter { $0.key != member }
    if !reply.wasPresent {
      if term > 0 {
        lost.merge(leases.filter { $0.key != member && $0.value > reply.now }) { max($0, $1) }
      }
      term += 1
      unaware = others
    }
    lost = lost.filter { $0.value > reply.now && others[$0.key] == nil }
    unaware = unaware.filter { others[$0.key] == $0.value }
    leases = reply.leases
    serverEnd = reply.leases[member] ?? 0
    endsAt = sentAt + timeToLive
  }

  /// When the lease ends, by this process's clock; nil before it has joined.
  var end: ContinuousClock.Instant? { endsAt }

  /// The share as of `now`.
  func shard(at now: ContinuousClock.Instant) -> Shard {
    let members = Set(leases.keys).union(lost.keys).union([member])
    return Shard(
      member: member, members: members.sorted(), term: term, isActive: isLeased(at: now) && unaware.isEmpty)
  }

  /// Until when, by the server's clock, the server may accept what this process writes; nil when it may not write.
  func writeLimit(at now: ContinuousClock.Instant) -> Int? { isLeased(at: now) ? serverEnd : nil }

  private func isLeased(at now: ContinuousClock.Instant) -> Bool { endsAt.map { now < $0 } ?? false }
}
