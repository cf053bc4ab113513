import KedastralCore
import Testing

@testable import KedastralModels

@Suite("iCalendar files")
struct ICalendarTests {
  /// The lines of a file with one event.
  private func event(_ lines: String) -> String {
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\n" + lines.replacing("\n", with: "\r\n")
      + "\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
  }

  private func starts(_ lines: String, from: String, to: String) throws -> [String] {
    let event = try #require(try ICalendar.events(event(lines), likeness: .own).first)
    let range = try [from, to].map { try #require(CivilDate($0)).number * 86_400 }
    return event.starts(in: range[0]..<range[1]).map { CivilDate(number: $0 / 86_400).description }
  }

  @Test("a folded, escaped, quoted event is read, and what is not an event is not")
  func event() throws {
    let text = """
      BEGIN:VCALENDAR
      BEGIN:VTIMEZONE
      TZID:Europe/Berlin
      BEGIN:STANDARD
      DTSTART:19701025T030000
      RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
      END:STANDARD
      END:VTIMEZONE
      BEGIN:VEVENT
      SUMMARY;LANGUAGE="en:GB;x":Sale\\, the
        big\\nand last one
      DTSTART;TZID=Europe/Berlin:20260701T180000
      DTEND;TZID=Europe/Berlin:20260701T220000
      BEGIN:VALARM
      TRIGGER:-PT5M
      END:VALARM
      END:VEVENT
      BEGIN:VEVENT
      STATUS:CANCELLED
      DTSTART;VALUE=DATE:20260702
      END:VEVENT
      END:VCALENDAR
      """
    let events = try ICalendar.events(text, likeness: .own)
    #expect(events.map(\.name) == ["Sale, the big and last one"])
    let calendar = WorkloadCalendar(zone: .utc, events: events)
    let sale = try #require(calendar.occurrences(in: 1_782_000_000..<1_784_000_000).first)
    // Summer time: 18:00 in Berlin is 16:00 UTC.
    #expect(sale.core == 1_782_921_600..<1_782_936_000 && sale.day == CivilDate(2026, 7, 1))
  }

  @Test("days without an end last a day, durations count, and times in UTC are those of any zone")
  func ends() throws {
    let lengths = try [
      "DTSTART;VALUE=DATE:20261224", "DTSTART;VALUE=DATE:20261224\nDTEND;VALUE=DATE:20261227",
      "DTSTART:20261224T100000Z\nDURATION:P1DT2H30M", "DTSTART:20261224T100000Z\nDTEND:20261224T113000Z",
      "DTSTART;TZID=Europe/Berlin:20261224T100000\nDTEND:20261224T100000Z",
    ].map { try ICalendar.events(event($0), likeness: .own)[0].length }
    #expect(lengths == [86_400, 3 * 86_400, 95_400, 5400, 3600])
  }

  @Test("events take place again by the rules of the standard")
  func recurrence() throws {
    let start = "SUMMARY:x\nDTSTART;VALUE=DATE:20240104\n"
    #expect(
      try starts(start + "RRULE:FREQ=YEARLY", from: "2025-01-01", to: "2027-12-31")
        == ["2025-01-04", "2026-01-04", "2027-01-04"])
    #expect(
      try starts(start + "RRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=4TH", from: "2025-01-01", to: "2026-12-31")
        == ["2025-11-27", "2026-11-26"])
    #expect(
      try starts(
        start + "RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TH\nEXDATE;VALUE=DATE:20240129", from: "2024-01-01",
        to: "2024-02-10") == ["2024-01-04", "2024-01-15", "2024-01-18", "2024-02-01"])
    #expect(
      try starts(start + "RRULE:FREQ=WEEKLY;COUNT=3", from: "2024-01-10", to: "2026-01-01")
        == ["2024-01-11", "2024-01-18"])
    #expect(
      try starts(start + "RRULE:FREQ=DAILY;UNTIL=20240106", from: "2024-01-01", to: "2024-02-01")
        == ["2024-01-04", "2024-01-05", "2024-01-06"])
    #expect(
      try starts(start + "RRULE:FREQ=MONTHLY;BYMONTHDAY=-1", from: "2026-02-01", to: "2026-04-30")
        == ["2026-02-28", "2026-03-31"])
    #expect(
      try starts("DTSTART;VALUE=DATE:20240229\nRRULE:FREQ=YEARLY", from: "2025-01-01", to: "2029-01-01")
        == ["2028-02-29"])
  }

  @Test(
    "what is not supported or wrong is an error with its line",
    arguments: [
      ("", "line 3: the event has no DTSTART"),
      ("DTSTART:20261332", "line 4: '20261332' is not a date such as 20261224, or a time such as"),
      ("DTSTART;TZID=W. Europe Standard Time:20260701T180000", "line 4: unknown time zone 'W. Europe Standard Time'"),
      ("DTSTART:20260701T180000Z", "line 3: the event has no end; add DTEND or DURATION"),
      ("DTSTART;VALUE=DATE:20260702\nDTEND;VALUE=DATE:20260701", "line 3: the event ends before it begins"),
      ("DTSTART;VALUE=DATE:20260102\nDTEND;VALUE=DATE:20260701", "line 3: the event lasts longer than 60 days"),
      ("DTSTART;VALUE=DATE:20260701\nDURATION:1D", "line 5: '1D' is not a duration such as P1D"),
      ("DTSTART;VALUE=DATE:20260701\nRRULE:FREQ=HOURLY", "line 5: RRULE with FREQ=HOURLY is not supported"),
      ("DTSTART;VALUE=DATE:20260701\nRRULE:FREQ=YEARLY;BYWEEKNO=3", "line 5: BYWEEKNO in RRULE is not supported"),
      ("DTSTART;VALUE=DATE:20260701\nRRULE:FREQ=YEARLY;BYDAY=MO", "line 5: BYDAY=MO in RRULE is not supported"),
      ("DTSTART;VALUE=DATE:20260701\nRDATE:20260801", "line 5: RDATE is not supported; write a separate event"),
      ("DTSTART", "line 4: expected NAME:VALUE"),
      ("BEGIN:VALARM", "line 5: END:VEVENT without its BEGIN; open is VALARM"),
    ])
  func wrong(lines: String, expected: String) {
    let error = #expect(throws: ICalendar.ParseError.self) {
      try ICalendar.events(self.event(lines), likeness: .own)
    }
    #expect(error?.description.hasPrefix(expected) == true, "\(error?.description ?? "")")
  }

  @Test("a file that is not a calendar, or ends too early, is an error")
  func notACalendar() {
    for (text, expected) in [
      ("<html>", "line 1: expected NAME:VALUE"), ("A:B", "line 1: expected BEGIN:VCALENDAR"),
      ("BEGIN:VCALENDAR\nBEGIN:VEVENT\n", "line 2: BEGIN:VEVENT has no END"),
    ] {
      let error = #expect(throws: ICalendar.ParseError.self) { try ICalendar.events(text, likeness: .own) }
      #expect(error?.description.hasPrefix(expected) == true, "\(error?.description ?? "")")
    }
  }

  @Test("hostile texts are read or refused, without a crash")
  func hostile() {
    let whole = Array(
      event(
        "SUMMARY:a\\\nDTSTART;TZID=\"Europe/Berlin\":20260701T180000\nDURATION:PT99999999H\n"
          + "RRULE:FREQ=MONTHLY;BYDAY=-5MO;INTERVAL=1000;UNTIL=99991231T235959Z"
      ).utf8)
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<500 {
      var bytes = whole
      for _ in 0..<3 {
        bytes[Int.random(in: bytes.indices, using: &generator)] = UInt8.random(in: 10...126, using: &generator)
      }
      let events = (try? ICalendar.events(String(decoding: bytes, as: UTF8.self), likeness: .own)) ?? []
      for event in events { #expect(event.starts(in: 1_700_000_000..<1_800_000_000).count < 2000) }
    }
  }
}
