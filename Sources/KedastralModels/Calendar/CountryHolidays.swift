/// The public holidays of a country or one of its states, computed by rules.
///
///     CountryHolidays("DE-BY")?.dates(in: 2026)    // [2026-01-01: "New Year's Day", 2026-01-06: "Epiphany", …]
///
/// The rules are those of the years from 2024 on. Days that are holidays in one year only are not included.
package struct CountryHolidays: Sendable, Equatable {
  /// The code of the country (ISO 3166-1), and of its state after a dash (ISO 3166-2): `FR`, `DE-BY`.
  package let code: String
  private let rules: [HolidayRule]

  /// The holidays of a code; nil when it is unknown.
  package init?(_ code: String) {
    guard let rules = Self.rules[code] else { return nil }
    (self.code, self.rules) = (code, rules)
  }

  /// The codes, in alphabetical order.
  package static var codes: [String] { rules.keys.sorted() }

  /// The holidays of a year. A day off for a holiday of the next year, such as a New Year's Day on a Saturday, is included.
  package func dates(in year: Int) -> [CivilDate: String] {
    let dates = [year, year + 1].map { HolidayRule.dates(of: rules, in: $0) }
    return dates[0].merging(dates[1]) { own, _ in own }.filter { $0.key.parts.year == year }
  }

  package static func == (left: CountryHolidays, right: CountryHolidays) -> Bool { left.code == right.code }

  private static let rules: [String: [HolidayRule]] = {
    var rules = countries
    for (country, states) in states {
      for (state, own) in states { rules["\(country)-\(state)"] = (countries[country] ?? []) + own }
    }
    return rules
  }()
}

extension HolidayRule {
  fileprivate static func fixed(
    _ month: Int, _ day: Int, _ name: String, _ observance: Observance = .none, since: Int = 1
  ) -> HolidayRule {
    HolidayRule(name, .fixed(month: month, day: day), observance, since: since)
  }

  fileprivate static let newYear = fixed(1, 1, "New Year's Day")
  fileprivate static let epiphany = fixed(1, 6, "Epiphany")
  fileprivate static let maundyThursday = HolidayRule("Maundy Thursday", .easter(-3))
  fileprivate static let goodFriday = HolidayRule("Good Friday", .easter(-2))
  fileprivate static let easterSunday = HolidayRule("Easter Sunday", .easter(0))
  fileprivate static let easterMonday = HolidayRule("Easter Monday", .easter(1))
  fileprivate static let ascension = HolidayRule("Ascension Day", .easter(39))
  fileprivate static let whitSunday = HolidayRule("Whit Sunday", .easter(49))
  fileprivate static let whitMonday = HolidayRule("Whit Monday", .easter(50))
  fileprivate static let corpusChristi = HolidayRule("Corpus Christi", .easter(60))
  fileprivate static let labourDay = fixed(5, 1, "Labour Day")
  fileprivate static let victoryDay = fixed(5, 8, "Victory Day")
  fileprivate static let assumption = fixed(8, 15, "Assumption Day")
  fileprivate static let reformation = fixed(10, 31, "Reformation Day")
  fileprivate static let allSaints = fixed(11, 1, "All Saints' Day")
  fileprivate static let immaculate = fixed(12, 8, "Immaculate Conception")
  fileprivate static let christmasEve = fixed(12, 24, "Christmas Eve")
  fileprivate static let christmas = fixed(12, 25, "Christmas Day")
  fileprivate static let secondChristmasDay = fixed(12, 26, "Second Day of Christmas")
  fileprivate static let stephen = fixed(12, 26, "Saint Stephen's Day")

  fileprivate static func allSaintsSaturday() -> HolidayRule {
    HolidayRule("All Saints' Day", .onOrAfter(.saturday, month: 10, day: 31))
  }

  fileprivate static func lateSummer() -> HolidayRule {
    HolidayRule("Summer Bank Holiday", .nth(-1, .monday, month: 8))
  }
}

extension CountryHolidays {
  private static let countries: [String: [HolidayRule]] = [
    "AT": [
      .newYear, .epiphany, .easterMonday, .labourDay, .ascension, .whitMonday, .corpusChristi, .assumption,
      .fixed(10, 26, "National Day"), .allSaints, .immaculate, .christmas, .stephen,
    ],
    "BE": [
      .newYear, .easterSunday, .easterMonday, .labourDay, .ascension, .whitSunday, .whitMonday,
      .fixed(7, 21, "National Day"), .assumption, .allSaints, .fixed(11, 11, "Armistice Day"), .christmas,
    ],
    "CH": [.newYear, .ascension, .fixed(8, 1, "National Day"), .christmas],
    "CZ": [
      .newYear, .goodFriday, .easterMonday, .labourDay, .victoryDay, .fixed(7, 5, "Saints Cyril and Methodius Day"),
      .fixed(7, 6, "Jan Hus Day"), .fixed(9, 28, "Statehood Day"), .fixed(10, 28, "Czechoslovak State Day"),
      .fixed(11, 17, "Freedom and Democracy Day"), .christmasEve, .christmas, .secondChristmasDay,
    ],
    "DE": [
      .newYear, .goodFriday, .easterMonday, .labourDay, .ascension, .whitMonday, .fixed(10, 3, "German Unity Day"),
      .christmas, .secondChristmasDay,
    ],
    "DK": [
      .newYear, .maundyThursday, .goodFriday, .easterSunday, .easterMonday, .ascension, .whitSunday, .whitMonday,
      .christmas, .secondChristmasDay,
    ],
    "ES": [
      .newYear, .epiphany, .goodFriday, .labourDay, .assumption, .fixed(10, 12, "National Day"), .allSaints,
      .fixed(12, 6, "Constitution Day"), .immaculate, .christmas,
    ],
    "FI": [
      .newYear, .epiphany, .goodFriday, .easterSunday, .easterMonday, .fixed(5, 1, "May Day"), .ascension, .whitSunday,
      HolidayRule("Midsummer Eve", .onOrAfter(.friday, month: 6, day: 19)),
      HolidayRule("Midsummer Day", .onOrAfter(.saturday, month: 6, day: 20)), .allSaintsSaturday(),
      .fixed(12, 6, "Independence Day"), .christmasEve, .christmas, .secondChristmasDay,
    ],
    "FR": [
      .newYear, .easterMonday, .labourDay, .victoryDay, .ascension, .whitMonday, .fixed(7, 14, "National Day"),
      .assumption, .allSaints, .fixed(11, 11, "Armistice Day"), .christmas,
    ],
    "GB": [
      .fixed(1, 1, "New Year's Day", .next), .goodFriday, HolidayRule("May Day", .nth(1, .monday, month: 5)),
      HolidayRule("Spring Bank Holiday", .nth(-1, .monday, month: 5)), .fixed(12, 25, "Christmas Day", .next),
      .fixed(12, 26, "Boxing Day", .next),
    ],
    "IE": [
      .newYear, HolidayRule("Saint Brigid's Day", .brigid, since: 2023),
      .fixed(3, 17, "Saint Patrick's Day"), .easterMonday,
      HolidayRule("May Bank Holiday", .nth(1, .monday, month: 5)),
      HolidayRule("June Bank Holiday", .nth(1, .monday, month: 6)),
      HolidayRule("August Bank Holiday", .nth(1, .monday, month: 8)),
      HolidayRule("October Bank Holiday", .nth(-1, .monday, month: 10)), .christmas, .stephen,
    ],
    "IT": [
      .newYear, .epiphany, .easterSunday, .easterMonday, .fixed(4, 25, "Liberation Day"), .labourDay,
      .fixed(6, 2, "Republic Day"), .assumption, .fixed(10, 4, "Saint Francis' Day", since: 2026), .allSaints,
      .immaculate, .christmas, .stephen,
    ],
    "NL": [
      .newYear, .goodFriday, .easterSunday, .easterMonday, .fixed(4, 27, "King's Day", .dayBefore),
      HolidayRule("Liberation Day", .fixed(month: 5, day: 5), every: 5), .ascension,
      .whitSunday, .whitMonday, .christmas, .secondChristmasDay,
    ],
    "NO": [
      .newYear, .maundyThursday, .goodFriday, .easterSunday, .easterMonday, .labourDay, .ascension,
      .fixed(5, 17, "Constitution Day"), .whitSunday, .whitMonday, .christmas, .secondChristmasDay,
    ],
    "PL": [
      .newYear, .epiphany, .easterSunday, .easterMonday, .labourDay, .fixed(5, 3, "Constitution Day"), .whitSunday,
      .corpusChristi, .assumption, .allSaints, .fixed(11, 11, "Independence Day"),
      .fixed(12, 24, "Christmas Eve", since: 2025), .christmas, .secondChristmasDay,
    ],
    "PT": [
      .newYear, .goodFriday, .easterSunday, .fixed(4, 25, "Freedom Day"), .labourDay, .corpusChristi,
      .fixed(6, 10, "Portugal Day"), .assumption, .fixed(10, 5, "Republic Day"), .allSaints,
      .fixed(12, 1, "Restoration of Independence Day"), .immaculate, .christmas,
    ],
    "SE": [
      .newYear, .epiphany, .goodFriday, .easterSunday, .easterMonday, .fixed(5, 1, "May Day"), .ascension, .whitSunday,
      .fixed(6, 6, "National Day"), HolidayRule("Midsummer Day", .onOrAfter(.saturday, month: 6, day: 20)),
      .allSaintsSaturday(), .christmas, .secondChristmasDay,
    ],
    "US": [
      .fixed(1, 1, "New Year's Day", .nearest), HolidayRule("Martin Luther King Jr. Day", .nth(3, .monday, month: 1)),
      HolidayRule("Washington's Birthday", .nth(3, .monday, month: 2)),
      HolidayRule("Memorial Day", .nth(-1, .monday, month: 5)),
      .fixed(6, 19, "Juneteenth", .nearest, since: 2021), .fixed(7, 4, "Independence Day", .nearest),
      HolidayRule("Labor Day", .nth(1, .monday, month: 9)), HolidayRule("Columbus Day", .nth(2, .monday, month: 10)),
      .fixed(11, 11, "Veterans Day", .nearest), HolidayRule("Thanksgiving Day", .nth(4, .thursday, month: 11)),
      .fixed(12, 25, "Christmas Day", .nearest),
    ],
  ]

  /// What states have beyond their country.
  private static let states: [String: [String: [HolidayRule]]] = [
    "DE": [
      "BB": [.easterSunday, .whitSunday, .reformation], "BE": [.fixed(3, 8, "Women's Day")],
      "BW": [.epiphany, .corpusChristi, .allSaints], "BY": [.epiphany, .corpusChristi, .allSaints],
      "HB": [.reformation], "HE": [.corpusChristi], "HH": [.reformation],
      "MV": [.fixed(3, 8, "Women's Day"), .reformation], "NI": [.reformation], "NW": [.corpusChristi, .allSaints],
      "RP": [.corpusChristi, .allSaints], "SH": [.reformation], "SL": [.corpusChristi, .assumption, .allSaints],
      // The Wednesday before 23 November.
      "SN": [.reformation, HolidayRule("Repentance and Prayer Day", .onOrAfter(.wednesday, month: 11, day: 16))],
      "ST": [.epiphany, .reformation], "TH": [.fixed(9, 20, "World Children's Day"), .reformation],
    ],
    "GB": [
      "ENG": [.easterMonday, .lateSummer()], "WLS": [.easterMonday, .lateSummer()],
      "NIR": [
        .fixed(3, 17, "Saint Patrick's Day", .next), .easterMonday, .fixed(7, 12, "Battle of the Boyne", .next),
        .lateSummer(),
      ],
      "SCT": [
        .fixed(1, 2, "2 January", .next), HolidayRule("Summer Bank Holiday", .nth(1, .monday, month: 8)),
        .fixed(11, 30, "Saint Andrew's Day", .next),
      ],
    ],
  ]
}
