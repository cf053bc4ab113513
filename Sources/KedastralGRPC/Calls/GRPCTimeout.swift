/// The `grpc-timeout` header: at most eight digits and a unit (H, M, S, m, u, n).
enum GRPCTimeout {
  /// Reads the header's value; nil when it is none.
  static func parse(_ text: RawSpan) -> Duration? {
    let digits = text.byteCount - 1
    guard (1...8).contains(digits) else { return nil }
    var amount: Int64 = 0
    for index in 0..<digits {
      let digit = text.byte(at: index)
      guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
      amount = amount * 10 + Int64(digit - UInt8(ascii: "0"))
    }
    switch text.byte(at: digits) {
    case UInt8(ascii: "H"): return .seconds(amount * 3600)
    case UInt8(ascii: "M"): return .seconds(amount * 60)
    case UInt8(ascii: "S"): return .seconds(amount)
    case UInt8(ascii: "m"): return .milliseconds(amount)
    case UInt8(ascii: "u"): return .microseconds(amount)
    case UInt8(ascii: "n"): return .nanoseconds(amount)
    default: return nil
    }
  }

  /// The header's value for a time that is left: in the finest unit that eight digits hold, rounded up, at least 1 µs.
  static func text(_ time: Duration) -> String {
    let (seconds, attoseconds) = time.components
    let units: [(name: String, perSecond: Int64)] = [("u", 1_000_000), ("m", 1000), ("S", 1)]
    for (name, perSecond) in units where seconds < 99_999_999 / perSecond {
      let size = 1_000_000_000_000_000_000 / perSecond
      return "\(max(1, seconds * perSecond + (attoseconds + size - 1) / size))\(name)"
    }
    return seconds < 99_999_999 * 60 ? "\(seconds / 60 + 1)M" : "99999999H"
  }
}
