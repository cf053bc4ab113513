import Foundation
import Testing

@testable import KedastralModels

@Suite("Public holidays by rule")
struct CountryHolidaysTests {
  @Test("are those that the PyPI package holidays has, for each country, state and year")
  func recorded() throws {
    let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures/Holidays.json")
    let table = try JSONDecoder().decode([String: [String: [String]]].self, from: Data(contentsOf: file))
    #expect(CountryHolidays.codes == table.keys.sorted())
    for (code, years) in table {
      let holidays = try #require(CountryHolidays(code))
      for (year, expected) in years {
        let dates = holidays.dates(in: try #require(Int(year))).keys.filter { $0.weekday != .sunday }
        #expect(dates.sorted().map { String($0.description.dropFirst(5)) } == expected, "\(code) \(year)")
      }
    }
  }

  @Test("have the names of their country, and of what they replace")
  func names() throws {
    let bavaria = try #require(CountryHolidays("DE-BY")).dates(in: 2026)
    #expect(bavaria[CivilDate(2026, 6, 4)] == "Corpus Christi")
    let states = try #require(CountryHolidays("US"))
    #expect(states.dates(in: 2026)[CivilDate(2026, 7, 3)] == "Independence Day (observed)")
    #expect(states.dates(in: 2027)[CivilDate(2027, 12, 31)] == "New Year's Day (observed)")
    #expect(CountryHolidays("XX") == nil)
  }

  @Test("Easter lies where tables of the church have it, over four centuries")
  func easter() {
    for (year, month, day) in [
      (1818, 3, 22), (1943, 4, 25), (2000, 4, 23), (2024, 3, 31), (2038, 4, 25), (2285, 3, 22),
    ] {
      #expect(CivilDate.easter(year) == CivilDate(year, month, day))
    }
  }

  @Test("a date is read only when it exists")
  func dates() {
    #expect(CivilDate("2024-02-29") == CivilDate(2024, 2, 29))
    for text in ["2026-02-29", "2026-13-01", "2026-1-1", "26-01-01", "2026-01-01x", "+026-01-01", ""] {
      #expect(CivilDate(text) == nil, "\(text)")
    }
    #expect(CivilDate(2026, 11, 26).weekday == .thursday)
    #expect(CivilDate.nth(5, .friday, year: 2026, month: 2) == nil)
  }
}
