/// A public holiday that recurs every year by a rule.
struct HolidayRule: Sendable, Equatable {
  /// Which day of a year it is.
  enum Day: Sendable, Equatable {
    case fixed(month: Int, day: Int)
    /// So many days after Easter Sunday.
    case easter(Int)
    /// The n-th weekday of a month, from its end for a negative count.
    case nth(Int, CivilDate.Weekday, month: Int)
    /// The first such weekday on or after a date.
    case onOrAfter(CivilDate.Weekday, month: Int, day: Int)
    /// Ireland's 1 February: the first Monday of the month, or the 1st itself where that is a Friday.
    case brigid

    func date(in year: Int) -> CivilDate? {
      switch self {
      case .fixed(let month, let day): CivilDate(existing: year, month, day)
      case .easter(let days): CivilDate.easter(year) + days
      case .nth(let count, let weekday, let month): CivilDate.nth(count, weekday, year: year, month: month)
      case .onOrAfter(let weekday, let month, let day): CivilDate(year, month, day).next(weekday)
      case .brigid:
        CivilDate(year, 2, 1).weekday == .friday ? CivilDate(year, 2, 1) : CivilDate(year, 2, 1).next(.monday)
      }
    }
  }

  /// What happens to a holiday at a weekend.
  enum Observance: Sendable, Equatable {
    /// Nothing.
    case none
    /// A day off on the nearest working day: on Friday for a Saturday, on Monday for a Sunday.
    case nearest
    /// A day off on the next day that is neither at a weekend nor a holiday.
    case next
    /// A holiday on a Sunday is celebrated the day before.
    case dayBefore
  }

  let name: String
  let day: Day
  let observance: Observance
  /// The first year in which it is a holiday.
  let since: Int
  /// Its years are multiples of this number.
  let every: Int

  init(_ name: String, _ day: Day, _ observance: Observance = .none, since: Int = 1, every: Int = 1) {
    (self.name, self.day, self.observance, self.since, self.every) = (name, day, observance, since, every)
  }

  /// The holidays of a year by their dates; days off in place of another day are `NAME (observed)`.
  static func dates(of rules: [HolidayRule], in year: Int) -> [CivilDate: String] {
    var dates: [CivilDate: String] = [:]
    var moved: [(CivilDate, HolidayRule)] = []
    for rule in rules where year >= rule.since && year % rule.every == 0 {
      guard var date = rule.day.date(in: year) else { continue }
      if rule.observance == .dayBefore, date.weekday == .sunday { date = date + -1 }
      dates[date] = dates[date] ?? rule.name
      if rule.observance != .none, rule.observance != .dayBefore { moved.append((date, rule)) }
    }
    for (date, rule) in moved.sorted(by: { $0.0 < $1.0 }) where [.saturday, .sunday].contains(date.weekday) {
      var free = date + 1
      if rule.observance == .nearest {
        free = date.weekday == .saturday ? date + -1 : date + 1
      } else {
        while [.saturday, .sunday].contains(free.weekday) || dates[free] != nil { free = free + 1 }
      }
      dates[free] = dates[free] ?? "\(rule.name) (observed)"
    }
    return dates
  }
}
