import KedastralCore

/// An event of an iCalendar file while its lines are read.
struct ICalendarDraft {
  /// A date, or a time of a clock.
  private struct Moment {
    /// Seconds since 1970 by the clock of `zone`.
    var local: Int
    var isDate: Bool
    var isUTC = false
    var zone: TimeZoneRules?
  }

  /// The line of its beginning.
  let line: Int
  let zone: (String) -> TimeZoneRules?
  private var name = ""
  private var start: Moment?
  private var end: Moment?
  private var length: Int?
  private var rule: ICalendarProperty?
  private var excluded: [Moment] = []
  private var isCancelled = false

  init(line: Int, zone: @escaping (String) -> TimeZoneRules?) {
    (self.line, self.zone) = (line, zone)
  }

  /// Reads a line of the event.
  mutating func take(_ property: ICalendarProperty) throws(ICalendar.ParseError) {
    switch property.name {
    case "SUMMARY": name = Self.unescaped(property.value)
    case "DTSTART": start = try moment(property.value, property)
    case "DTEND": end = try moment(property.value, property)
    case "DURATION": length = try Self.duration(property)
    case "STATUS": isCancelled = property.value.uppercased() == "CANCELLED"
    case "RRULE":
      guard rule == nil else { throw property.problem("a second RRULE is not supported; write a second event") }
      rule = property
    case "EXDATE":
      for part in property.value.split(separator: ",") { excluded.append(try moment(String(part), property)) }
    case "RDATE", "RECURRENCE-ID", "EXRULE":
      throw property.problem("\(property.name) is not supported; write a separate event")
    default: break
    }
  }

  /// The event; nil when it is cancelled.
  func event(likeness: CalendarEvent.Likeness) throws(ICalendar.ParseError) -> CalendarEvent? {
    func problem(_ text: String) -> ICalendar.ParseError { ICalendar.ParseError(line: line, problem: text) }
    guard !isCancelled else { return nil }
    guard let start else { throw problem("the event has no DTSTART") }
    var length = length ?? 86_400
    if let end {
      guard end.isDate == start.isDate else {
        throw problem("of DTSTART and DTEND, one has a time and the other has none")
      }
      length = end.local - start.local
      if end.zone != start.zone {
        // By the clock of the beginning.
        guard let from = end.zone, let to = start.zone, let instant = Self.instant(end.local, from) else {
          throw problem("of DTSTART and DTEND, one has a time zone and the other has none")
        }
        length = instant + to.offsetSeconds(at: instant) - start.local
      }
    } else if !start.isDate, self.length == nil {
      throw problem("the event has no end; add DTEND or DURATION")
    }
    guard length > 0 else { throw problem("the event ends before it begins") }
    guard length <= CalendarEvent.longest else { throw problem("the event lasts longer than 60 days") }
    var event = CalendarEvent(
      name: name.isEmpty ? "event" : name, likeness: likeness, start: start.local, length: length, zone: start.zone)
    if let rule {
      event.recurrence = try ICalendarRule(rule).recurrence(from: start.local) { text throws(ICalendar.ParseError) in
        let until = try self.moment(text, rule)
        let shift = until.isUTC ? start.zone?.offsetSeconds(at: until.local) ?? 0 : 0
        return until.local + (until.isDate ? 86_399 : shift)
      }
    }
    event.excluded = Set(
      excluded.map { $0.isUTC ? $0.local + (start.zone?.offsetSeconds(at: $0.local) ?? 0) : $0.local })
    return event
  }

  private static func instant(_ local: Int, _ zone: TimeZoneRules) -> Int? {
    zone.localClock(in: local - 2 * 86_400..<local + 2 * 86_400).firstInstant(reaching: local)
  }

  /// Parses `20261224`, `20261224T180000` or `20261224T180000Z`.
  private func moment(_ text: String, _ property: ICalendarProperty) throws(ICalendar.ParseError) -> Moment {
    let digits = Array(text.utf8)
    func number(_ range: Range<Int>) -> Int? {
      guard range.upperBound <= digits.count, digits[range].allSatisfy({ 48...57 ~= $0 }) else { return nil }
      return digits[range].reduce(0) { $0 * 10 + Int($1 - 48) }
    }
    let expected = "'\(text)' is not a date such as 20261224, or a time such as 20261224T180000 or 20261224T170000Z"
    guard let year = number(0..<4), let month = number(4..<6), let day = number(6..<8),
      let date = CivilDate(existing: year, month, day)
    else { throw property.problem(expected) }
    if digits.count == 8 { return Moment(local: date.number * 86_400, isDate: true) }
    let isUTC = digits.count == 16 && digits[15] == UInt8(ascii: "Z")
    guard digits.count == 15 || isUTC, digits[8] == UInt8(ascii: "T"), let hour = number(9..<11), hour < 24,
      let minute = number(11..<13), minute < 60, let second = number(13..<15), second <= 60
    else { throw property.problem(expected) }
    var moment = Moment(local: date.number * 86_400 + hour * 3600 + minute * 60 + second, isDate: false, isUTC: isUTC)
    if isUTC {
      moment.zone = .utc
    } else if let name = property.parameters["TZID"] {
      guard let rules = zone(name) else {
        throw property.problem("unknown time zone '\(name)'; write one such as Europe/Berlin")
      }
      moment.zone = rules
    }
    return moment
  }

  /// Parses `P1D`, `PT2H30M` or `P2W`, in seconds.
  private static func duration(_ property: ICalendarProperty) throws(ICalendar.ParseError) -> Int {
    let expected = "'\(property.value)' is not a duration such as P1D or PT2H30M"
    var rest = property.value.uppercased()[...]
    if rest.first == "+" { rest.removeFirst() }
    guard rest.first == "P", rest.count > 2 else { throw property.problem(expected) }
    rest.removeFirst()
    var (total, number, isTime) = (0, Int?.none, false)
    for letter in rest {
      if let digit = letter.wholeNumberValue, letter.isASCII, number ?? 0 < 1_000_000 {
        number = (number ?? 0) * 10 + digit
        continue
      }
      let units: [Character: Int] = isTime ? ["H": 3600, "M": 60, "S": 1] : ["W": 604_800, "D": 86_400]
      if letter == "T", !isTime, number == nil {
        isTime = true
      } else if let unit = units[letter], let count = number {
        total += count * unit
        number = nil
      } else {
        throw property.problem(expected)
      }
    }
    guard number == nil else { throw property.problem(expected) }
    return total
  }

  private static func unescaped(_ text: String) -> String {
    var result = ""
    var isEscaped = false
    for letter in text {
      if isEscaped {
        result.append(letter == "n" || letter == "N" ? " " : letter)
        isEscaped = false
      } else if letter == "\\" {
        isEscaped = true
      } else {
        result.append(letter)
      }
    }
    return result
  }
}

extension TimeZoneRules {
  /// The seconds that local time is ahead of UTC at an instant in seconds since 1970.
  fileprivate func offsetSeconds(at instant: Int) -> Int {
    offsetSeconds(at: .init(timeIntervalSince1970: Double(instant)))
  }
}

/// The parts of a recurrence rule.
private struct ICalendarRule {
  let property: ICalendarProperty
  private var parts: [String: String] = [:]

  private static let supported: [Recurrence.Frequency: Set<String>] = [
    .daily: [], .weekly: ["BYDAY"], .monthly: ["BYDAY", "BYMONTHDAY"],
    .yearly: ["BYDAY", "BYMONTHDAY", "BYMONTH"],
  ]

  init(_ property: ICalendarProperty) throws(ICalendar.ParseError) {
    self.property = property
    for part in property.value.uppercased().split(separator: ";") {
      let pair = part.split(separator: "=", maxSplits: 1)
      guard pair.count == 2 else { throw property.problem("expected NAME=VALUE in RRULE, found '\(part)'") }
      parts[String(pair[0])] = String(pair[1])
    }
  }

  /// The rule of an event that first begins at `start`.
  func recurrence(
    from start: Int, until: (String) throws(ICalendar.ParseError) -> Int
  ) throws(ICalendar.ParseError) -> Recurrence {
    guard let frequency = parts["FREQ"].flatMap(Recurrence.Frequency.init(rawValue:)) else {
      throw property.problem(
        "RRULE with FREQ=\(parts["FREQ"] ?? "") is not supported; supported are DAILY, WEEKLY, MONTHLY and YEARLY")
    }
    let known = (Self.supported[frequency] ?? []).union(["FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST"])
    if let other = parts.keys.sorted().first(where: { !known.contains($0) }) {
      throw property.problem("\(other) in RRULE is not supported with FREQ=\(frequency.rawValue)")
    }
    var rule = Recurrence(frequency: frequency)
    rule.interval = try number("INTERVAL", 1...1000) ?? 1
    rule.count = try number("COUNT", 1...100_000)
    if let text = parts["UNTIL"] { rule.until = try until(text) }
    if rule.interval > 1, frequency == .weekly, let first = parts["WKST"], first != "MO" {
      throw property.problem("WKST=\(first) in RRULE is not supported with INTERVAL; weeks begin on Monday")
    }
    rule.month = try number("BYMONTH", 1...12)
    if let day = try number("BYMONTHDAY", -31...31) {
      guard day != 0 else { throw property.problem("BYMONTHDAY=0 in RRULE is not a day") }
      rule.monthDay = .number(day)
    }
    guard let days = parts["BYDAY"] else { return rule }
    if frequency == .weekly {
      for day in days.split(separator: ",") { rule.weekdays.append(try weekday(day)) }
      return rule
    }
    guard rule.monthDay == nil, let count = Int(days.dropLast(2)), (1...5).contains(count.magnitude),
      frequency == .monthly || rule.month != nil
    else {
      throw property.problem(
        "BYDAY=\(days) in RRULE is not supported with FREQ=\(frequency.rawValue); write one such as 4TH or -1MO"
          + (frequency == .yearly ? " with BYMONTH" : ""))
    }
    rule.monthDay = .nth(count, try weekday(days.suffix(2)))
    return rule
  }

  private func weekday(_ text: some StringProtocol) throws(ICalendar.ParseError) -> CivilDate.Weekday {
    guard let weekday = CivilDate.Weekday(rawValue: String(text)) else {
      throw property.problem("'\(text)' in RRULE is not a weekday such as MO")
    }
    return weekday
  }

  private func number(_ key: String, _ range: ClosedRange<Int>) throws(ICalendar.ParseError) -> Int? {
    guard let text = parts[key] else { return nil }
    guard let number = Int(text), range.contains(number) else {
      throw property.problem("\(key)=\(text) in RRULE is not supported; write one number, at least \(range.lowerBound)")
    }
    return number
  }
}
