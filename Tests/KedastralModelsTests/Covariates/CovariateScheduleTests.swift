import Foundation
import Testing

@testable import KedastralCore
@testable import KedastralModels

@Suite("Schedules as covariates")
struct CovariateScheduleTests {
  private let start = Date(timeIntervalSince1970: 1_789_999_200)

  private func berlin() throws -> TimeZoneRules { try TimeZoneRules(named: "Europe/Berlin") }

  @Test("a value holds until the next row; a step has the mean of what held in it")
  func means() throws {
    let first = Int(start.timeIntervalSince1970)
    let schedule = try CovariateSchedule(
      csv: "time,value\n# planned\n\n\(first),2\n\(first + 1800), 4\n\(first + 5400),0\n", in: try berlin())
    #expect(schedule.values(from: start, step: .seconds(3600), count: 4) == [0, 3, 2, 0])
    #expect(schedule.values(from: start + .seconds(1200), step: .seconds(600), count: 3) == [2, 2, 4])
  }

  @Test("times are local, RFC 3339 or Unix seconds")
  func times() throws {
    let zone = try berlin()
    func change(_ row: String) throws -> CovariateSchedule { try CovariateSchedule(csv: row, in: zone) }
    let wanted = try change("2026-12-24T17:00:00Z,1")
    #expect(try change("2026-12-24 18:00,1") == wanted)
    #expect(try change("2026-12-24T18:00,1") == wanted)
    #expect(try change("2026-12-24T18:00:00+01:00,1") == wanted)
    #expect(try change("1798131600,1") == wanted)
    #expect(try change("2026-12-25,1") == change("2026-12-24T23:00:00Z,1"))
  }

  @Test(
    "an error names the line and what is expected",
    arguments: [
      ("time,value\n2026-12-24 18:00,much\n", 2, "a number"), ("2026-12-24 18:00\n", 1, "time,value"),
      ("2026-12-24,1\n2026-12-23,2\n", 2, "sort the rows"), ("2026-12-24,1\ntomorrow,2\n", 2, "expected a time"),
      ("", 1, "no row"), ("2026-12-24,1\n2026-12-25,nan\n", 2, "a number"),
      ("2026-12-24,1\n2026-12-25 25:00,1\n", 2, "expected a time"),
    ])
  func errors(text: String, line: Int, words: String) throws {
    let error = #expect(throws: CovariateSchedule.ParseError.self) {
      _ = try CovariateSchedule(csv: text, in: try self.berlin())
    }
    #expect(
      error?.line == line && error?.problem.contains(words) == true, "\(error.map(String.init(describing:)) ?? "")")
  }

  @Test("iCalendar events are 1, also where they overlap, and 0 between them")
  func events() throws {
    let text = """
      BEGIN:VCALENDAR
      BEGIN:VEVENT
      DTSTART;TZID=Europe/Berlin:20261201T100000
      DTEND;TZID=Europe/Berlin:20261201T120000
      END:VEVENT
      BEGIN:VEVENT
      DTSTART;TZID=Europe/Berlin:20261201T110000
      DTEND;TZID=Europe/Berlin:20261201T130000
      RRULE:FREQ=DAILY;COUNT=2
      END:VEVENT
      END:VCALENDAR
      """
    let schedule = CovariateSchedule(events: try ICalendar.events(text, likeness: .own), in: try berlin())
    let first = try #require(Timestamp.parse("2026-12-01T09:00:00Z"))
    #expect(schedule.values(from: first, step: .seconds(3600), count: 5) == [0, 1, 1, 1, 0])
    #expect(schedule.values(from: first + .seconds(86_400), step: .seconds(3600), count: 5) == [0, 0, 1, 1, 0])
  }
}
