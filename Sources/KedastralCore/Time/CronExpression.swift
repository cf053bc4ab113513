#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Recurring instants in the five fields of cron: minute, hour, day of the month, month, day of the week.
///
///     try CronExpression("30 8 * * mon-fri")       // half past eight on working days
///     try CronExpression("*/15 9-17 1,15 * *")     // each quarter of an hour by day, on the 1st and 15th
///
/// A field is `*`, a number, a name (`jan`, `mon`), a range `a-b`, any of them with a step `/n`, or several between
/// commas; Sunday is 0 and 7. As in cron, when both days are restricted it is enough that one matches.
public struct CronExpression: Sendable, Equatable, CustomStringConvertible {
  /// The error for a text that is not a valid expression.
  public struct ParseError: Error, Equatable, CustomStringConvertible {
    /// The whole text.
    package let text: String
    /// What is invalid, and what is expected.
    package let problem: String
    public var description: String { "'\(text)' is not a schedule: \(problem)" }
  }

  private static let names: [[String]] = [
    [], [], [], ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
    ["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
  ]
  private static let fields: [(name: String, range: ClosedRange<Int>)] = [
    ("minute", 0...59), ("hour", 0...23), ("day of the month", 1...31), ("month", 1...12), ("day of the week", 0...7),
  ]

  /// The text of the expression.
  public let description: String
  /// The matching numbers of each field, as a bit set.
  private let matches: [UInt64]
  private let isAnyHour: Bool
  private let isAnyDay: Bool
  private let isAnyWeekday: Bool

  /// Parses an expression.
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
    isAnyHour = parts[1].hasPrefix("*")
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
          text: text, problem: "'\(item)' is not a valid \(name); write *, a number, a range a-b, or one with a step /n"
        )
      }
      var (first, last) = (range.lowerBound, range.upperBound)
      if ends[0] != "*" {
        first = try number(ends[0], index, in: text)
        last = ends.count == 2 ? try number(ends[1], index, in: text) : pieces.count == 2 ? range.upperBound : first
      } else if ends.count == 2 {
        throw ParseError(text: text, problem: "'\(item)' is not a valid \(name); a range has two numbers")
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
        text: text, problem: "'\(word)' is not a valid \(name); write \(range.lowerBound) to \(range.upperBound)")
    }
    return value
  }

  private func has(_ field: Int, _ value: Int) -> Bool { matches[field] & (1 << UInt64(value)) != 0 }

  /// Whether it matches a day, counted from 1970-01-01.
  private func matches(day: Int) -> Bool {
    let date = Timestamp.civil(fromDays: day)
    // 1970-01-01 was a Thursday.
    let weekday = ((day + 4) % 7 + 7) % 7
    guard has(3, date.month) else { return false }
    if isAnyDay || isAnyWeekday { return has(2, date.day) && has(4, weekday) }
    return has(2, date.day) || has(4, weekday)
  }

  /// The instants in `from ..< to` at which it begins; covering at most 400 days.
  ///
  /// It begins when the local clock first reaches one of its times: a time that a clock change skips begins when the
  /// gap ends (all times of a gap together), and a time that occurs twice begins only the first time. Only an
  /// expression for every hour (`*`) begins in both passes of a repeated hour, as in cron. A day that a zone skips has
  /// no times.
  package func instants(from: Date, to: Date, in zone: TimeZoneRules) -> [Date] {
    let begin = from.timeIntervalSince1970
    let end = min(to.timeIntervalSince1970, begin + 400 * 86_400)
    guard begin < end, abs(begin) < 1e12 else { return [] }
    // Local clocks differ from UTC by at most about one day, and change by at most one day.
    let (first, last) = (Int(begin.rounded(.up)), Int(end.rounded(.up)))
    let clock = zone.localClock(in: first - 3 * 86_400..<last + 3 * 86_400)
    var instants: Set<Int> = []
    for local in localTimes(in: clock.reached(before: first)..<clock.reached(before: last), isShown: clock.shows) {
      if let instant = clock.firstInstant(reaching: local) { instants.insert(instant) }
    }
    if isAnyHour {
      for stretch in clock.stretches where stretch.instants.overlaps(first..<last) {
        let part = stretch.instants.clamped(to: first..<last)
        let times = localTimes(in: part.lowerBound + stretch.offset..<part.upperBound + stretch.offset) { _ in true }
        instants.formUnion(times.map { $0 - stretch.offset })
      }
    }
    return instants.sorted().map { Date(timeIntervalSince1970: Double($0)) }
  }

  /// The matching local times in a range, on days that exist locally, in seconds since 1970-01-01.
  private func localTimes(in range: Range<Int>, isShown: (_ day: Int) -> Bool) -> [Int] {
    guard !range.isEmpty else { return [] }
    let minutes = (0..<1440).filter { has(0, $0 % 60) && has(1, $0 / 60) }
    let days = LocalTimeline.day(range.lowerBound)...LocalTimeline.day(range.upperBound - 1)
    return days.filter { matches(day: $0) && isShown($0) }.flatMap { day in
      minutes.map { day * 86_400 + $0 * 60 }.filter(range.contains)
    }
  }
}
