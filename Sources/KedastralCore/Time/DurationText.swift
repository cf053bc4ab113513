/// The text form of durations in settings: `30s`, `1.5h`, `1d12h`, `250ms`; units ns, us (µs), ms, s, m, h, d, w.
///
///     try DurationText.parse("1d12h")   // 129,600 seconds
///     DurationText.format(.seconds(90)) // "1m30s"
package enum DurationText {
  /// The error for a text that is not a valid duration.
  package struct ParseError: Error, CustomStringConvertible, Equatable {
    /// The given text.
    package let text: String
    package var description: String {
      "'\(text)' is not a duration; write a number with a unit (ns, us, ms, s, m, h, d, w) or a sum of them, such as 30s, 5m or 1d12h"
    }
  }

  private static let secondsPerUnit: [(unit: String, seconds: Double)] = [
    ("ns", 1e-9), ("us", 1e-6), ("µs", 1e-6), ("ms", 1e-3), ("s", 1), ("m", 60), ("h", 3600), ("d", 86_400),
    ("w", 604_800),
  ]

  /// Parses a duration; a bare `0` is allowed, any other number needs a unit. A leading minus negates the sum.
  package static func parse(_ text: String) throws(ParseError) -> Duration {
    var rest = text[...]
    let isNegative = rest.first == "-"
    if isNegative { rest = rest.dropFirst() }
    if rest == "0" { return .zero }
    guard !rest.isEmpty else { throw ParseError(text: text) }
    var seconds = 0.0
    while !rest.isEmpty {
      let number = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
      rest = rest.dropFirst(number.count)
      let unit = rest.prefix { !($0.isASCII && $0.isNumber) && $0 != "." }
      rest = rest.dropFirst(unit.count)
      guard let value = Double(number), let scale = secondsPerUnit.first(where: { $0.unit == unit })?.seconds else {
        throw ParseError(text: text)
      }
      seconds += value * scale
    }
    guard seconds.isFinite, seconds < 1e10 else { throw ParseError(text: text) }
    return .seconds(isNegative ? -seconds : seconds)
  }

  /// Writes a duration in the fewest units that are exact to the millisecond: `1d12h`, `1m30s`, `250ms`.
  package static func format(_ duration: Duration) -> String {
    var milliseconds = Int((duration.inSeconds * 1000).rounded())
    guard milliseconds != 0 else { return "0s" }
    var text = milliseconds < 0 ? "-" : ""
    milliseconds = abs(milliseconds)
    for (unit, size) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)] {
      let count = milliseconds / size
      if count > 0 { text += "\(count)\(unit)" }
      milliseconds %= size
    }
    return text
  }

  /// Writes a duration in words, to its two largest units: `1 week`, `1 day 12 hours`, `5 minutes`.
  package static func words(_ duration: Duration) -> String {
    var seconds = Int(min(abs(duration.inSeconds), 1e15).rounded())
    var parts: [String] = []
    for (unit, size) in [("week", 604_800), ("day", 86_400), ("hour", 3600), ("minute", 60), ("second", 1)] {
      let count = seconds / size
      seconds %= size
      if count > 0 { parts.append("\(count) \(unit)\(count == 1 ? "" : "s")") }
    }
    return parts.isEmpty ? "0 seconds" : parts.prefix(2).joined(separator: " ")
  }
}
