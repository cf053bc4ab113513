import KedastralCore

/// Renews a member's lease and tells of all members, in one step and by the server's clock.
///
/// The leases are a sorted set: members by the instant at which their lease runs out.
struct LeaseScript {
  /// What the server knows after a renewal; instants are milliseconds since 1970 by its clock.
  struct Reply: Equatable, Sendable {
    /// The instant of the renewal.
    let now: Int
    /// Whether the member still had a lease; otherwise it has just joined.
    let wasPresent: Bool
    /// When each member's lease runs out.
    let leases: [String: Int]

    /// Creates a reply.
    init(now: Int, wasPresent: Bool, leases: [String: Int]) {
      self.now = now
      self.wasPresent = wasPresent
      self.leases = leases
    }

    /// Reads the script's reply; nil when it is something else.
    init?(_ reply: RESPValue) {
      guard let parts = reply.elements, parts.count == 3, let now = parts[0].number, let present = parts[1].number,
        let list = parts[2].elements, list.count % 2 == 0
      else { return nil }
      var leases: [String: Int] = [:]
      for index in stride(from: 0, to: list.count, by: 2) {
        guard let member = list[index].text, let expiry = list[index + 1].text.flatMap({ Double($0) }) else {
          return nil
        }
        leases[member] = Int(exactly: expiry)
      }
      self.init(now: now, wasPresent: present == 1, leases: leases)
    }
  }

  /// Renews the lease of `member`.
  static func renew(key: String, member: String, timeToLive: Duration) -> RedisCommand {
    RedisCommand("EVAL", source, "1", key, member, "\(Int(timeToLive.inSeconds * 1000))", key: key)
  }

  /// Gives the lease of `member` up.
  static func leave(key: String, member: String) -> RedisCommand { RedisCommand("ZREM", key, member, key: key) }

  private static let source = """
    local time = redis.call('TIME')
    local now = time[1] * 1000 + math.floor(time[2] / 1000)
    redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
    local present = redis.call('ZSCORE', KEYS[1], ARGV[1]) and 1 or 0
    redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
    redis.call('PEXPIRE', KEYS[1], ARGV[2] * 100)
    return {now, present, redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')}
    """
}
