import KedastralCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// An instant in a recorded load: a date and time, or a number of units since the Unix epoch.
///
///     TraceTimestamp("2026-08-01T00:00:00Z")    // with a zone
///     TraceTimestamp("2026-08-01 00:00")        // without one: UTC
///     TraceTimestamp("1785542400000")           // milliseconds, by their size
struct TraceTimestamp: Equatable {
  /// The unit of a number, derived from its size: seconds from 10¹¹ on would lie beyond the year 5000.
  enum Unit: String, Equatable {
    case seconds, milliseconds, microseconds, nanoseconds

    fileprivate init?(of magnitude: Double) {
      switch magnitude {
      case ..<1e11: self = .seconds
      case ..<1e14: self = .milliseconds
      case ..<1e17: self = .microseconds
      case ..<1e20: self = .nanoseconds
      default: return nil
      }
    }

    fileprivate var perSecond: Double {
      switch self {
      case .seconds: 1
      case .milliseconds: 1e3
      case .microseconds: 1e6
      case .nanoseconds: 1e9
      }
    }
  }

  /// The notation of the instant.
  enum Form: Equatable {
    case number(Unit)
    case dateWithZone
    case dateWithoutZone
  }

  /// Seconds since the Unix epoch.
  let seconds: Double
  let form: Form

  /// Whether it is a date rather than a number.
  var isDate: Bool { if case .number = form { false } else { true } }

  /// Parses an instant; nil when the text is not valid.
  init?(_ text: String) {
    if let number = Double(text) {
      guard number.isFinite, let unit = Unit(of: number.magnitude) else { return nil }
      self.init(seconds: number / unit.perSecond, form: .number(unit))
    } else if let date = Self.date(text) {
      self = date
    } else {
      return nil
    }
  }

  private init(seconds: Double, form: Form) {
    self.seconds = seconds
    self.form = form
  }

  /// A date with optional time of day and zone, completed to RFC 3339.
  private static func date(_ text: String) -> TraceTimestamp? {
    let bytes = Array(text.utf8)
    guard bytes.count >= 10, bytes[..<10].enumerated().allSatisfy({ isDateByte($1, at: $0) }) else { return nil }
    let day = String(decoding: bytes[..<10], as: UTF8.self).replacing("/", with: "-")
    var rest = String(decoding: bytes[10...], as: UTF8.self)[...]
    if let first = rest.first, "Tt ".contains(first) { rest = rest.dropFirst() }
    let time = rest.prefix { $0.isNumber || ":.,".contains($0) }
    guard let zone = zone(rest.dropFirst(time.count).filter { $0 != " " }) else { return nil }
    let timeOfDay: String
    switch time.count {
    case 0: timeOfDay = "00:00:00"
    case 5: timeOfDay = time + ":00"
    default: timeOfDay = String(time).replacing(",", with: ".")
    }
    guard let instant = Timestamp.parse("\(day)T\(timeOfDay)\(zone.isEmpty ? "Z" : zone)") else { return nil }
    return TraceTimestamp(
      seconds: instant.timeIntervalSince1970, form: zone.isEmpty ? .dateWithoutZone : .dateWithZone)
  }

  private static func isDateByte(_ byte: UInt8, at index: Int) -> Bool {
    if index == 4 || index == 7 { return byte == UInt8(ascii: "-") || byte == UInt8(ascii: "/") }
    return (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
  }

  /// `Z`, `UTC`, `GMT`, `+02`, `+0200` or `+02:00` in RFC 3339's form; empty for none, nil for anything else.
  private static func zone(_ text: String) -> String? {
    switch text.uppercased() {
    case "": return ""
    case "Z", "UTC", "GMT": return "Z"
    default: break
    }
    guard let sign = text.first, sign == "+" || sign == "-" else { return nil }
    let digits = text.dropFirst().filter { $0 != ":" }
    switch digits.count {
    case 2: return "\(sign)\(digits):00"
    case 4: return "\(sign)\(digits.prefix(2)):\(digits.suffix(2))"
    default: return nil
    }
  }
}
