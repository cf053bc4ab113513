/// A zone in the format of POSIX's TZ variable, valid for all years: `CET-1CEST,M3.5.0,M10.5.0/3`.
struct PosixTimeZone: Sendable, Equatable {
  /// The rule of a clock change, in the year's local time before the change.
  private enum Day: Equatable {
    /// The weekday of a week of a month; week 5 is the last one.
    case weekday(month: Int, week: Int, day: Int)
    /// Day 1…365, February 29th never counted.
    case julian(Int)
    /// Day 0…365, February 29th counted.
    case ordinal(Int)
  }

  private struct Change: Equatable {
    var day: Day
    var seconds: Int
  }

  private let standardOffset: Int
  private let summerOffset: Int
  /// Both changes, or nil when there are none.
  private let begin: Change?
  private let end: Change?

  /// Parses a zone; nil when the text is not a valid zone.
  init?(_ text: String) {
    var reader = Reader(rest: text[...])
    guard reader.name(), let west = reader.time() else { return nil }
    standardOffset = -west
    guard reader.name() else {
      guard reader.rest.isEmpty else { return nil }
      (summerOffset, begin, end) = (standardOffset, nil, nil)
      return
    }
    summerOffset = reader.rest.first == "," ? standardOffset + 3600 : -(reader.time() ?? west - 3600)
    guard let first = reader.change(), let second = reader.change(), reader.rest.isEmpty else { return nil }
    (begin, end) = (first, second)
  }

  /// The seconds that local time is ahead of UTC, `seconds` after 1970 began.
  func offsetSeconds(at seconds: Int) -> Int {
    guard let begin, let end else { return standardOffset }
    let days = Int((Double(seconds + standardOffset) / 86_400).rounded(.down))
    let year = Timestamp.civil(fromDays: days).year
    let start = Self.seconds(of: begin, year) - standardOffset
    let stop = Self.seconds(of: end, year) - summerOffset
    let isSummer = start < stop ? (start..<stop).contains(seconds) : !(stop..<start).contains(seconds)
    return isSummer ? summerOffset : standardOffset
  }

  /// The clock changes that may fall within `instants`, unordered.
  func changes(in instants: Range<Int>) -> [Int] {
    guard let begin, let end else { return [] }
    func year(_ seconds: Int) -> Int { Timestamp.civil(fromDays: Int((Double(seconds) / 86_400).rounded(.down))).year }
    return (year(instants.lowerBound) - 1...year(instants.upperBound) + 1).flatMap { year in
      [Self.seconds(of: begin, year) - standardOffset, Self.seconds(of: end, year) - summerOffset]
    }.filter(instants.contains)
  }

  /// The local instant of a change, in seconds.
  private static func seconds(of change: Change, _ year: Int) -> Int {
    let day: Int
    switch change.day {
    case .weekday(let month, let week, let weekday):
      let first = Timestamp.days(year, month, 1)
      let offset = ((weekday - (first + 4)) % 7 + 7) % 7
      let next = month == 12 ? Timestamp.days(year + 1, 1, 1) : Timestamp.days(year, month + 1, 1)
      var chosen = first + offset + (week - 1) * 7
      while chosen >= next { chosen -= 7 }
      day = chosen
    case .julian(let number):
      let isLeap = Timestamp.days(year, 3, 1) - Timestamp.days(year, 2, 28) == 2
      day = Timestamp.days(year, 1, 1) + number - 1 + (isLeap && number >= 60 ? 1 : 0)
    case .ordinal(let number): day = Timestamp.days(year, 1, 1) + number
    }
    return day * 86_400 + change.seconds
  }

  private struct Reader {
    var rest: Substring

    /// Three letters or more, or anything between angle brackets.
    mutating func name() -> Bool {
      if rest.first == "<" {
        guard let close = rest.firstIndex(of: ">") else { return false }
        rest = rest[rest.index(after: close)...]
        return true
      }
      let letters = rest.prefix { $0.isLetter }
      rest = rest.dropFirst(letters.count)
      return letters.count >= 3
    }

    /// `[+-]h[:m[:s]]` in seconds.
    mutating func time() -> Int? {
      let sign = rest.first == "-" ? -1 : 1
      if rest.first == "-" || rest.first == "+" { rest = rest.dropFirst() }
      guard var total = number().map({ $0 * 3600 }) else { return nil }
      for unit in [60, 1] where rest.first == ":" {
        rest = rest.dropFirst()
        guard let value = number() else { return nil }
        total += value * unit
      }
      return sign * total
    }

    /// `,Mm.w.d/time`, `,Jn/time` or `,n/time`; the default is two o'clock.
    mutating func change() -> Change? {
      guard rest.first == "," else { return nil }
      rest = rest.dropFirst()
      let day: Day
      if rest.first == "M" {
        rest = rest.dropFirst()
        guard let month = number(), (1...12).contains(month), skip("."), let week = number(), (1...5).contains(week),
          skip("."), let weekday = number(), (0...6).contains(weekday)
        else { return nil }
        day = .weekday(month: month, week: week, day: weekday)
      } else {
        let isJulian = skip("J")
        guard let value = number(), value <= 365 else { return nil }
        day = isJulian ? .julian(value) : .ordinal(value)
      }
      guard skip("/") else { return Change(day: day, seconds: 7200) }
      return time().map { Change(day: day, seconds: $0) }
    }

    private mutating func number() -> Int? {
      let digits = rest.prefix { $0.isASCII && $0.isNumber }
      guard !digits.isEmpty, digits.count <= 4 else { return nil }
      rest = rest.dropFirst(digits.count)
      return Int(digits)
    }

    private mutating func skip(_ character: Character) -> Bool {
      guard rest.first == character else { return false }
      rest = rest.dropFirst()
      return true
    }
  }
}
