#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Instants that come again, in the five fields of cron: minute, hour, day of the month, month, day of the week.
///
///     try CronExpression("30 8 * * mon-fri")       // half past eight on working days
///     try CronExpression("*/15 9-17 1,15 * *")     // each quarter of an hour by day, on the 1st and 15th
///
/// A field is `*`, a number, a name (`jan`, `mon`), a range `a-b`, any of them with a step `/n`, or several between commas;
/// Sunday is 0 and 7. As in cron, when both days are restricted either one will do.
public struct CronExpression: Sendable, Equatable, CustomStringConvertible {
  /// What is wrong with a text that is no such expression.
  public struct ParseError: Error, Equatable, CustomStringConvertible {
    /// The whole text.
    public let text: String
    /// What is wrong, and what would be right.
    public let problem: String
    public var description: String { "'\(text)' is not a schedule: \(problem)" }
  }

  private static let names: [[String]] = [
    [], [], [], ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
    ["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
  ]
  private static let fields: [(name: String, range: ClosedRange<Int>)] = [
    ("minute", 0...59), ("hour", 0...23), ("day of the month", 1...31), ("month", 1...12), ("day of the week", 0...7),
  ]

  /// The text it was made of.
  public let description: String
  /// For each field the numbers that match, a bit each.
  private let matches: [UInt64]
  private let isAnyDay: Bool
  private let isAnyWeekday: Bool

  /// Reads an expression.
  public init(_ text: String) throws(ParseError) {
    let parts = text.split(whereSeparator: { $0 == " " || $0 == "\t" }).map { $0.lowercased() }
    guard parts.count == 5 else {
      throw ParseError(
        text: text, problem: "\(parts.count) fields; write minute, hour, day of the month, month and day of the week")
    }
    var matches: [UInt64] = []
    for (index, part) in parts.enumerated() { matches.append(try Self.field(part, index, in: text)) }
    // 7 is Sunday too.
    if matches[4] & (1 << 7) != 0 { matches[4] |= 1 }
    description = text
    self.matches = matches
    isAnyDay = parts[2].hasPrefix("*")
    isAnyWeekday = parts[4].hasPrefix("*")
  }

  private static func field(_ part: String, _ index: Int, in text: String) throws(ParseError) -> UInt64 {
    let (name, range) = fields[index]
    var bits: UInt64 = 0
    for item in part.split(separator: ",", omittingEmptySubsequences: false) {
      let pieces = item.split(separator: "/", omittingEmptySubsequences: false)
      let ends = pieces[0].split(separator: "-", omittingEmptySubsequences: false)
      let step = pieces.count == 2 ? Int(pieces[1]) : 1
      guard pieces.count <= 2, ends.count <= 2, let step, step > 0 else {
        throw ParseError(
          text: text, problem: "'\(item)' is no \(name); write *, a number, a range a-b, or one with a step /n")
      }
      var (first, last) = (range.lowerBound, range.upperBound)
      if ends[0] != "*" {
        first = try number(ends[0], index, in: text)
        last = ends.count == 2 ? try number(ends[1], index, in: text) : pieces.count == 2 ? range.upperBound : first
      } else if ends.count == 2 {
        throw ParseError(text: text, problem: "'\(item)' is no \(name); a range has two numbers")
      }
      guard first <= last else {
        throw ParseError(text: text, problem: "the range '\(item)' of the \(name) ends before it begins")
      }
      for value in stride(from: first, through: last, by: step) { bits |= 1 << UInt64(value) }
    }
    return bits
  }

  private static func number(_ word: Substring, _ index: Int, in text: String) throws(ParseError) -> Int {
    let (name, range) = fields[index]
    if let position = names[index].firstIndex(where: { word == $0 }) { return position + range.lowerBound }
    guard let value = Int(word), range.contains(value) else {
      throw ParseError(
        text: text, problem: "'\(word)' is no \(name); write \(range.lowerBound) to \(range.upperBound)")
    }
    return value
  }

  /// Whether it matches a minute of local time.
  func matches(minute: Int, hour: Int, day: Int, month: Int, weekday: Int) -> Bool {
    func has(_ field: Int, _ value: Int) -> Bool { matches[field] & (1 << UInt64(value)) != 0 }
    guard has(0, minute), has(1, hour), has(3, month) else { return false }
    if isAnyDay || isAnyWeekday { return has(2, day) && has(4, weekday) }
    return has(2, day) || has(4, weekday)
  }

  /// The instants in `from ..< to` at which it matches; at most those of 400 days.
  ///
  /// A local time that a change of the clocks skips is left out, one that comes twice counts twice.
  public func instants(from: Date, to: Date, in zone: TimeZoneRules) -> [Date] {
    var instants: [Date] = []
    let end = min(to.timeIntervalSince1970, from.timeIntervalSince1970 + 400 * 86_400)
    var seconds = (from.timeIntervalSince1970 / 60).rounded(.up) * 60
    while seconds < end {
      let local = Int(seconds) + zone.offsetSeconds(at: Date(timeIntervalSince1970: seconds))
      let days = Int((Double(local) / 86_400).rounded(.down))
      let date = Timestamp.civil(fromDays: days)
      let minuteOfDay = (local - days * 86_400) / 60
      // 1970-01-01 was a Thursday.
      let weekday = ((days + 4) % 7 + 7) % 7
      if matches(
        minute: minuteOfDay % 60, hour: minuteOfDay / 60, day: date.day, month: date.month, weekday: weekday)
      {
        instants.append(Date(timeIntervalSince1970: seconds))
      }
      seconds += 60
    }
    return instants
  }
}
