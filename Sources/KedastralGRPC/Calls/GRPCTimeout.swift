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
}
