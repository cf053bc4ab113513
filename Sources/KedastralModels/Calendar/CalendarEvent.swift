import KedastralCore

/// An event of a calendar: once, or again by a rule.
package struct CalendarEvent: Sendable, Equatable {
  /// What the load does during an event that has not been seen before.
  package enum Likeness: Sendable, Equatable {
    /// It behaves as on a Sunday, where it has a weekly pattern.
    case sunday
    /// Its effect is unknown.
    case own
    /// It is this multiple of the usual load.
    case load(Double)
  }

  /// Its name: events with the same name have the same effect.
  package var name: String
  package var likeness: Likeness
  /// When it first begins, in seconds since 1970-01-01 on the local clock of `zone`.
  package var start: Int
  /// How long it lasts by that clock, in seconds.
  package var length: Int
  /// The zone of its clock; nil for the workload's.
  package var zone: TimeZoneRules?
  package var recurrence: Recurrence?
  /// Beginnings at which it does not take place, by the local clock.
  package var excluded: Set<Int> = []
  /// How much earlier and later than the event itself its effect begins and ends, in seconds.
  package var before = 0
  package var after = 0

  package init(
    name: String, likeness: Likeness, start: Int, length: Int, zone: TimeZoneRules? = nil, before: Int = 0,
    after: Int = 0
  ) {
    self.name = name
    self.likeness = likeness
    self.start = start
    self.length = length
    self.zone = zone
    self.before = before
    self.after = after
  }

  /// An event that lasts a whole day.
  package init(name: String, likeness: Likeness, day: CivilDate, before: Int = 0, after: Int = 0) {
    self.init(
      name: name, likeness: likeness, start: day.number * 86_400, length: 86_400, before: before, after: after)
  }

  /// The largest length of an event.
  package static let longest = 60 * 86_400

  /// When it begins within `range`, by its local clock.
  func starts(in range: Range<Int>) -> [Int] {
    let starts = recurrence?.starts(from: start, in: range) ?? (range.contains(start) ? [start] : [])
    return starts.filter { !excluded.contains($0) }
  }
}

/// A rule by which an event takes place again (RFC 5545, section 3.3.10; a part of it).
package struct Recurrence: Sendable, Equatable {
  enum Frequency: String, Sendable { case daily = "DAILY", weekly = "WEEKLY", monthly = "MONTHLY", yearly = "YEARLY" }

  /// A day of a month.
  enum MonthDay: Sendable, Equatable {
    /// From the month's end for a negative number.
    case number(Int)
    case nth(Int, CivilDate.Weekday)

    func date(_ year: Int, _ month: Int) -> CivilDate? {
      switch self {
      case .nth(let count, let weekday): return CivilDate.nth(count, weekday, year: year, month: month)
      case .number(let day) where day > 0: return CivilDate(existing: year, month, day)
      case .number(let day):
        let date = CivilDate.firstDay(after: year, month) + day
        return date.parts.month == month ? date : nil
      }
    }
  }

  var frequency: Frequency
  var interval = 1
  var count: Int?
  /// The last beginning, by the event's local clock.
  var until: Int?
  /// With ``Frequency/weekly``: its days; empty for that of the first beginning.
  var weekdays: [CivilDate.Weekday] = []
  /// With ``Frequency/yearly``: its month; nil for that of the first beginning.
  var month: Int?
  /// With ``Frequency/monthly`` and ``Frequency/yearly``; nil for that of the first beginning.
  var monthDay: MonthDay?

  /// The beginnings within `range` of an event that first begins at `start`, by its local clock.
  func starts(from start: Int, in range: Range<Int>) -> [Int] {
    let first = CivilDate(number: LocalTimeline.day(start))
    let time = start - first.number * 86_400
    let last = min(range.upperBound - 1, until ?? .max)
    var starts: [Int] = []
    var (round, taken) = (count == nil ? skipped(first, to: LocalTimeline.day(range.lowerBound)) : 0, 0)
    while taken < count ?? .max {
      let (earliest, days) = days(round, from: first)
      guard earliest.number * 86_400 <= last else { break }
      for day in days where day >= first {
        let begin = day.number * 86_400 + time
        guard begin <= last, taken < count ?? .max else { break }
        taken += 1
        if begin >= range.lowerBound { starts.append(begin) }
      }
      round += 1
    }
    return starts
  }

  /// The rounds that surely lie before a day.
  private func skipped(_ first: CivilDate, to day: Int) -> Int {
    let most =
      switch frequency {
      case .daily: 1
      case .weekly: 7
      case .monthly: 31
      case .yearly: 366
      }
    return max(0, (day - first.number) / (most * interval) - 1)
  }

  /// The days of a round, and a day that none of this and the following rounds is before.
  private func days(_ round: Int, from first: CivilDate) -> (earliest: CivilDate, days: [CivilDate]) {
    let parts = first.parts
    switch frequency {
    case .daily:
      let day = first + round * interval
      return (day, [day])
    case .weekly:
      let monday = first + (7 * round * interval - first.weekday.index)
      let days = weekdays.isEmpty ? [first.weekday] : weekdays
      return (monday, days.map(\.index).sorted().map { monday + $0 })
    case .monthly:
      let months = parts.year * 12 + parts.month - 1 + round * interval
      let (year, month) = (months / 12, months % 12 + 1)
      let day = (monthDay ?? .number(parts.day)).date(year, month)
      return (CivilDate(year, month, 1), day.map { [$0] } ?? [])
    case .yearly:
      let (year, month) = (parts.year + round * interval, month ?? parts.month)
      let day = (monthDay ?? .number(parts.day)).date(year, month)
      return (CivilDate(year, month, 1), day.map { [$0] } ?? [])
    }
  }
}
