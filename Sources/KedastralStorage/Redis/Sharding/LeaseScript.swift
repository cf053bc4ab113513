import KedastralCore

/// Renews a member's lease and returns all members, in one step and by the server's clock.
///
/// The leases are a hash: for each member, the expiry and the last renewal it has seen.
struct LeaseScript {
  /// Renews the lease of `member`.
  static func renew(key: String, member: String, timeToLive: Duration, seen: Int) -> RedisCommand {
    RedisCommand("EVAL", source, "1", key, member, "\(Int(timeToLive.inSeconds * 1000))", "\(seen)", key: key)
  }

  /// Releases the lease of `member`.
  static func leave(key: String, member: String) -> RedisCommand { RedisCommand("HDEL", key, member, key: key) }

  private static let source = """
    local time = redis.call('TIME')
    local now = time[1] * 1000 + math.floor(time[2] / 1000)
    local leases = redis.call('HGETALL', KEYS[1])
    local present = 0
    local all = {}
    for i = 1, #leases, 2 do
      local ends, seen = string.match(leases[i + 1], '^(%d+) (%d+)$')
      if not ends or tonumber(ends) <= now then
        redis.call('HDEL', KEYS[1], leases[i])
      elseif leases[i] == ARGV[1] then
        present = 1
      else
        all[#all + 1] = leases[i]
        all[#all + 1] = ends
        all[#all + 1] = seen
      end
    end
    local ends = string.format('%.0f', now + ARGV[2])
    redis.call('HSET', KEYS[1], ARGV[1], ends .. ' ' .. ARGV[3])
    redis.call('PEXPIRE', KEYS[1], ARGV[2] * 100)
    all[#all + 1] = ARGV[1]
    all[#all + 1] = ends
    all[#all + 1] = ARGV[3]
    -- A user who may not ask how long the server has run gets the answer of one that has run for long.
    local info = redis.pcall('INFO', 'server')
    local uptime = type(info) == 'string' and string.match(info, 'uptime_in_seconds:(%d+)')
    return {now, present, all, tonumber(uptime or 1000000)}
    """
}

extension MembershipState.Reply {
  /// Parses the script's reply; nil when it has another form.
  init?(_ reply: RESPValue) {
    guard let parts = reply.elements, parts.count == 4, let now = parts[0].number, let present = parts[1].number,
      let list = parts[2].elements, list.count % 3 == 0, let seconds = parts[3].number
    else { return nil }
    var leases: [String: MemberLease] = [:]
    for index in stride(from: 0, to: list.count, by: 3) {
      guard let member = list[index].text, let end = list[index + 1].number, let seen = list[index + 2].number else {
        return nil
      }
      leases[member] = MemberLease(end: end, seen: seen)
    }
    // The server counts started seconds.
    self.init(now: now, wasPresent: present == 1, leases: leases, uptime: max(0, seconds - 1) * 1000)
  }
}
