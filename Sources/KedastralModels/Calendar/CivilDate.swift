import KedastralCore

/// A day of the Gregorian calendar.
package struct CivilDate: Sendable, Hashable, Comparable, CustomStringConvertible {
  /// A day of the week, as RFC 5545 writes it; Monday is the first.
  package enum Weekday: String, Sendable, CaseIterable {
    case monday = "MO"
    case tuesday = "TU"
    case wednesday = "WE"
    case thursday = "TH"
    case friday = "FR"
    case saturday = "SA"
    case sunday = "SU"

    /// Days since Monday, 0 to 6.
    var index: Int { Self.allCases.firstIndex(of: self) ?? 0 }
  }

  /// Days since 1970-01-01.
  package let number: Int

  package init(number: Int) { self.number = number }

  /// The date of a year, month and day; a day beyond the month's end continues in the next month.
  package init(_ year: Int, _ month: Int, _ day: Int) {
    number = Timestamp.days(year, month, day)
  }

  /// A date that exists; nil for one such as 30 February.
  init?(existing year: Int, _ month: Int, _ day: Int) {
    guard (1...9999).contains(year), (1...12).contains(month), (1...31).contains(day) else { return nil }
    self.init(year, month, day)
    let parts = parts
    guard parts.year == year, parts.month == month, parts.day == day else { return nil }
  }

  /// Parses `2026-12-24`.
  package init?(_ text: some StringProtocol) {
    let parts = text.split(separator: "-", omittingEmptySubsequences: false)
    guard text.utf8.count == 10, parts.map(\.count) == [4, 2, 2], text.utf8.allSatisfy({ $0 == 45 || 48...57 ~= $0 }),
      let year = Int(parts[0]), let month = Int(parts[1]), let day = Int(parts[2])
    else { return nil }
    self.init(existing: year, month, day)
  }

  /// Year, month and day.
  package var parts: (year: Int, month: Int, day: Int) { Timestamp.civil(fromDays: number) }

  /// The day of the week; 1970-01-01 was a Thursday.
  package var weekday: Weekday { Weekday.allCases[((number + 3) % 7 + 7) % 7] }

  package var description: String {
    let (year, month, day) = parts
    return "\(Timestamp.padded(year, 4))-\(Timestamp.padded(month, 2))-\(Timestamp.padded(day, 2))"
  }

  package static func < (left: CivilDate, right: CivilDate) -> Bool { left.number < right.number }

  static func + (date: CivilDate, days: Int) -> CivilDate { CivilDate(number: date.number + days) }

  /// The first day of the month after another one.
  static func firstDay(after year: Int, _ month: Int) -> CivilDate {
    month == 12 ? CivilDate(year + 1, 1, 1) : CivilDate(year, month + 1, 1)
  }

  /// The first `weekday` on this day or later.
  func next(_ weekday: Weekday) -> CivilDate { self + (weekday.index - self.weekday.index + 7) % 7 }

  /// The `count`-th `weekday` of a month, from its end for a negative count; nil when the month has fewer.
  static func nth(_ count: Int, _ weekday: Weekday, year: Int, month: Int) -> CivilDate? {
    guard (1...5).contains(count.magnitude) else { return nil }
    let date =
      count > 0
      ? CivilDate(year, month, 1).next(weekday) + 7 * (count - 1)
      : firstDay(after: year, month).next(weekday) + 7 * count
    return date.parts.month == month ? date : nil
  }

  /// Easter Sunday of a year, by the Gregorian computus (the anonymous algorithm, Nature 1876; Meeus 1991).
  static func easter(_ year: Int) -> CivilDate {
    let (cycle, century, rest) = (year % 19, year / 100, year % 100)
    let moon = (19 * cycle + century - century / 4 - (century - (century + 8) / 25 + 1) / 3 + 15) % 30
    let weekday = (32 + 2 * (century % 4) + 2 * (rest / 4) - moon - rest % 4) % 7
    let month = moon + weekday - 7 * ((cycle + 11 * moon + 22 * weekday) / 451) + 114
    return CivilDate(year, month / 31, month % 31 + 1)
  }
}
