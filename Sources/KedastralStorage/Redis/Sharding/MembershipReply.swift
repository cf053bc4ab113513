/// A member's lease, as the server stores it; instants are milliseconds by one clock, such as the server's.
package struct MemberLease: Equatable, Sendable {
  /// When it expires.
  package var end: Int
  /// The last renewal whose reply the member had received when it sent its latest one. It has seen every member that
  /// joined before that.
  package var seen: Int

  /// Creates a lease.
  package init(end: Int, seen: Int) {
    self.end = end
    self.seen = seen
  }
}

extension MembershipState {
  /// The state of all leases after a renewal.
  package struct Reply: Equatable, Sendable {
    /// The time of the renewal in milliseconds.
    package let now: Int
    /// Whether the member still had a lease; otherwise it has just joined.
    package let wasPresent: Bool
    /// The leases of all members.
    package let leases: [String: MemberLease]
    /// The minimum uptime of the server in milliseconds: leases granted earlier may have been lost.
    package let uptime: Int

    /// Creates a reply.
    package init(now: Int, wasPresent: Bool, leases: [String: MemberLease], uptime: Int) {
      self.now = now
      self.wasPresent = wasPresent
      self.leases = leases
      self.uptime = uptime
    }
  }
}
