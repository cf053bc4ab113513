import KedastralCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Stores a snapshot on the server in one step, unless a newer one is stored or the lease has expired.
///
/// A stored snapshot dated ahead of the server's clock is not treated as newer, because its writer's clock was wrong.
/// The stored value is any JSON with `generatedAt`; a value without it is older than every snapshot.
struct PutScript {
  /// The result.
  enum Outcome: Int, Equatable {
    /// It is stored and announced.
    case stored = 1
    /// A newer one is stored already.
    case superseded = 0
    /// The server's clock has passed the limit.
    case tooLate = -1

    /// Parses the script's reply; nil when it has another form, for example an error.
    init?(_ reply: RESPValue) {
      guard case .integer(let number) = reply.elements?.first ?? reply else { return nil }
      self.init(rawValue: number)
    }
  }

  /// Why a stored snapshot could not be announced, as Redis's error text; nil when it was announced or not stored.
  static func unannounced(_ reply: RESPValue) -> String? {
    guard let parts = reply.elements, parts.count == 2 else { return nil }
    return parts[1].text.map(ReplyVerdict.plainText)
  }

  let key: String
  let value: [UInt8]
  let generatedAt: Date
  let timeToLive: Duration
  let channel: String
  /// Milliseconds since 1970 by the server's clock; nil without a limit.
  let notAfter: Int?

  /// The script with its arguments.
  var command: RedisCommand {
    let milliseconds = Int((generatedAt.timeIntervalSince1970 * 1000).rounded())
    let texts = ["EVAL", Self.source, "1", key].map { Array($0.utf8) }
    let limits = [
      "\(milliseconds)", "\(Int(timeToLive.inSeconds * 1000))", channel, notAfter.map { "\($0)" } ?? "",
      "\(Int(Snapshot.clockTolerance.inSeconds * 1000))",
    ]
    return RedisCommand(texts + [value] + limits.map { Array($0.utf8) }, key: key)
  }

  /// Days since 1970 from the civil date, counting years that begin in March, as in `Timestamp`.
  private static let source = """
    local function instant(text)
      local y, mo, d, h, mi, s, frac, zone =
        string.match(text, '^(%d%d%d%d)-(%d%d)-(%d%d)[Tt ](%d%d):(%d%d):(%d%d)(%.?%d*)(.+)$')
      if not y then return nil end
      local offset = 0
      if zone ~= 'Z' and zone ~= 'z' then
        local sign, oh, om = string.match(zone, '^([+-])(%d%d):(%d%d)$')
        if not sign then return nil end
        offset = (oh * 60 + om) * 60
        if sign == '-' then offset = -offset end
      end
      y, mo = y - 0, mo - 0
      if mo <= 2 then y = y - 1; mo = mo + 12 end
      local days = 365 * y + math.floor(y / 4) - math.floor(y / 100) + math.floor(y / 400)
        + math.floor((153 * (mo - 3) + 2) / 5) + d - 719469
      local fraction = 0
      if #frac > 1 then fraction = tonumber('0' .. frac) end
      return (days * 86400 + h * 3600 + mi * 60 + s - offset) * 1000 + math.floor(fraction * 1000 + 0.5)
    end
    local clock = redis.call('TIME')
    local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
    if ARGV[5] ~= '' and now >= tonumber(ARGV[5]) then return -1 end
    local present = redis.call('GET', KEYS[1])
    if present then
      local text = string.match(present, '"[Gg]eneratedAt"%s*:%s*"([^"]+)"')
      local time = text and instant(text)
      if time and time > tonumber(ARGV[2]) and time <= now + ARGV[6] then return 0 end
    end
    redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[3])
    local announced = redis.pcall('PUBLISH', ARGV[4], ARGV[1])
    if type(announced) == 'table' and announced.err then return {1, announced.err} end
    return 1
    """
}
