import Foundation
import Testing

@testable import KedastralCore

@Suite("Cron expressions")
struct CronExpressionTests {
  private func instants(_ text: String, from: String, to: String, zone: TimeZoneRules = .utc) throws -> [String] {
    let from = try #require(Timestamp.parse(from)), to = try #require(Timestamp.parse(to))
    return try CronExpression(text).instants(from: from, to: to, in: zone).map(Timestamp.format)
  }

  @Test("fields are numbers, names, ranges, steps and lists")
  func fields() throws {
    #expect(
      try instants("*/20 9,17 * * *", from: "2026-01-30T00:00:00Z", to: "2026-01-30T17:01:00Z") == [
        "2026-01-30T09:00:00Z", "2026-01-30T09:20:00Z", "2026-01-30T09:40:00Z", "2026-01-30T17:00:00Z",
      ])
    // From Friday on: Saturday and Sunday are left out.
    #expect(
      try instants("30 8 * * Mon-Fri", from: "2026-01-30T08:31:00Z", to: "2026-02-03T09:00:00Z") == [
        "2026-02-02T08:30:00Z", "2026-02-03T08:30:00Z",
      ])
    #expect(
      try instants("0 0 29 feb *", from: "2027-12-01T00:00:00Z", to: "2028-12-01T00:00:00Z") == ["2028-02-29T00:00:00Z"]
    )
    #expect(
      try instants("0 12 * * 7", from: "2026-01-30T00:00:00Z", to: "2026-02-02T00:00:00Z") == ["2026-02-01T12:00:00Z"])
    #expect(try instants("50-59/5 6 * * *", from: "2026-01-30T00:00:00Z", to: "2026-01-31T00:00:00Z").count == 2)
  }

  @Test("a day of the month and a weekday match either way, as in cron")
  func eitherDay() throws {
    #expect(
      try instants("0 0 1 * mon", from: "2026-01-30T00:00:00Z", to: "2026-02-10T00:00:00Z") == [
        "2026-02-01T00:00:00Z", "2026-02-02T00:00:00Z", "2026-02-09T00:00:00Z",
      ])
  }

  @Test("the beginning of a period is included, the end is not")
  func halfOpen() throws {
    #expect(try instants("* * * * *", from: "2026-01-30T00:00:00Z", to: "2026-01-30T00:02:00Z").count == 2)
  }

  @Test(
    "an invalid schedule is refused, with the field and what is expected",
    arguments: [
      ("* * * *", "4 fields"), ("60 * * * *", "'60' is not a valid minute; write 0 to 59"),
      ("* * 0 * *", "day of the month"),
      ("* 9-5 * * *", "ends before it begins"), ("*/0 * * * *", "is not a valid minute"),
      ("* * * foo *", "'foo' is not a valid month"),
      ("1,,2 * * * *", "'' is not a valid minute"), ("1-2-3 * * * *", "'1-2-3' is not a valid minute"),
      ("*-3 * * * *", "two numbers"),
      ("", "0 fields"), ("-1 * * * *", "'' is not a valid minute"),
    ])
  func refused(text: String, problem: String) {
    let error = #expect(throws: CronExpression.ParseError.self) { try CronExpression(text) }
    #expect(error?.description.contains(problem) == true, "\(error?.description ?? "")")
  }

  @Test("schedules follow local time: a skipped time begins after the gap, a repeated one begins once")
  func daylightSaving() throws {
    let berlin = try TimeZoneRules(named: "Europe/Berlin")
    #expect(
      try instants("0 8 * * *", from: "2026-03-28T00:00:00Z", to: "2026-03-30T00:00:00Z", zone: berlin) == [
        "2026-03-28T07:00:00Z", "2026-03-29T06:00:00Z",
      ])
    #expect(
      try instants("30 2 * * *", from: "2026-03-29T00:00:00Z", to: "2026-03-29T20:00:00Z", zone: berlin) == [
        "2026-03-29T01:00:00Z"
      ])
    #expect(
      try instants("30 2 * * *", from: "2026-10-25T00:00:00Z", to: "2026-10-25T20:00:00Z", zone: berlin) == [
        "2026-10-25T00:30:00Z"
      ])
  }

  @Test(
    "wherever the clocks go forward, a schedule in the gap begins when it ends",
    arguments: [
      // An hour from 2:00, half an hour from 2:00, an hour from midnight, one before midnight, and a negative summer time.
      ("America/New_York", "0 2 * * 0-5", "2026-03-08T07:00:00Z"),
      ("America/New_York", "59 2 * * *", "2026-03-08T07:00:00Z"),
      ("Australia/Lord_Howe", "10 2 * * *", "2026-10-03T15:30:00Z"),
      ("Africa/Cairo", "0 0 * * *", "2026-04-23T22:00:00Z"),
      ("America/Havana", "30 0 * * *", "2026-03-08T05:00:00Z"), ("Asia/Beirut", "15 0 * * sun", "2026-03-28T22:00:00Z"),
      ("America/Nuuk", "30 23 * * sat", "2026-03-29T01:00:00Z"),
      ("Europe/Dublin", "30 1 * * *", "2026-03-29T01:00:00Z"),
    ])
  func gaps(zone: String, text: String, begins: String) throws {
    let begin = try #require(Timestamp.parse(begins))
    // Once, in the eighteen hours around it.
    let found = try CronExpression(text).instants(
      from: begin - .seconds(9 * 3600), to: begin + .seconds(9 * 3600), in: TimeZoneRules(named: zone))
    #expect(found == [begin])
    #expect(
      try CronExpression(text).instants(from: begin, to: begin + .seconds(1), in: TimeZoneRules(named: zone)) == [begin]
    )
  }

  @Test("all times of a gap begin together, and a rule for every hour begins in both passes of a repeated hour")
  func stepsAndRanges() throws {
    let newYork = try TimeZoneRules(named: "America/New_York")
    func spring(_ text: String) throws -> [String] {
      try instants(text, from: "2026-03-08T05:00:00Z", to: "2026-03-08T09:00:00Z", zone: newYork)
    }
    #expect(try spring("* 2 * * *") == ["2026-03-08T07:00:00Z"])
    #expect(try spring("*/20 2-3 * * *") == ["2026-03-08T07:00:00Z", "2026-03-08T07:20:00Z", "2026-03-08T07:40:00Z"])
    #expect(try spring("0 0-5 * * *").count == 4, "midnight, one, three for two and three, four")
    #expect(try spring("0 */2 * * *") == ["2026-03-08T05:00:00Z", "2026-03-08T07:00:00Z", "2026-03-08T08:00:00Z"])
    #expect(try spring("30 * * * *").count == 5, "that of half past two is at three")
    func autumn(_ text: String) throws -> Int {
      try instants(text, from: "2026-11-01T04:00:00Z", to: "2026-11-01T08:00:00Z", zone: newYork).count
    }
    #expect(try autumn("30 1 * * *") == 1)
    #expect(try autumn("0 0-2 * * *") == 3)
    #expect(try autumn("* * * * *") == 240)
    #expect(try autumn("0 * * * *") == 4)
  }

  @Test("a day that a zone skips has no schedules, and a repeated day has them once")
  func dateLine() throws {
    let apia = try TimeZoneRules(named: "Pacific/Apia")
    #expect(
      try instants("0 12 * * *", from: "2011-12-28T22:00:00Z", to: "2012-01-01T10:00:00Z", zone: apia) == [
        "2011-12-28T22:00:00Z", "2011-12-29T22:00:00Z", "2011-12-30T22:00:00Z", "2011-12-31T22:00:00Z",
      ])
    #expect(try instants("0 12 30 12 *", from: "2011-12-01T00:00:00Z", to: "2012-01-10T00:00:00Z", zone: apia).isEmpty)
    // Kwajalein went the same way in 1993; Manila came back in 1844.
    let kwajalein = try TimeZoneRules(named: "Pacific/Kwajalein")
    #expect(
      try instants("0 12 21 8 *", from: "1993-08-01T00:00:00Z", to: "1993-09-01T00:00:00Z", zone: kwajalein).isEmpty)
  }

  private static let zones: [String] = {
    let database = URL(filePath: "/usr/share/zoneinfo")
    let files = FileManager.default.enumerator(atPath: database.path)?.compactMap { $0 as? String } ?? []
    return files.filter { name in
      !["posix/", "right/"].contains { name.hasPrefix($0) } && (try? TimeZoneRules(named: name)) != nil
    }.sorted()
  }()

  @Test(
    "a daily schedule begins once for each local day in every zone, late by at most the length of a gap")
  func everyZone() throws {
    #expect(Self.zones.count > 300)
    let from = try #require(Timestamp.parse("2024-01-10T12:00:00Z"))
    let days = 3 * 365 + 1
    for (hour, minute) in [(2, 30), (0, 0), (23, 45)] {
      let schedule = try CronExpression("\(minute) \(hour) * * *")
      for name in Self.zones {
        let zone = try TimeZoneRules(named: name)
        func local(_ instant: Date) -> Int { Int(instant.timeIntervalSince1970) + zone.offsetSeconds(at: instant) }
        let years = (0..<3).flatMap { year in
          let begin = from + .seconds(86_400 * 366 * year)
          return schedule.instants(from: begin, to: begin + .seconds(86_400 * 366), in: zone)
        }
        #expect(abs(years.count - days) <= 2, "\(name)")
        let time = hour * 3600 + minute * 60
        let firstDay = LocalTimeline.day(local(years[0]) - time + 43_200)
        for (index, instant) in years.enumerated() {
          let late = local(instant) - (firstDay + index) * 86_400 - time
          let jump = zone.offsetSeconds(at: instant) - zone.offsetSeconds(at: instant - .seconds(1))
          #expect(late == 0 || (1...jump).contains(late), "\(name) \(Timestamp.format(instant)): \(late)")
        }
      }
    }
  }
}

@Suite("Time zones")
struct TimeZoneRulesTests {
  @Test(
    "offsets equal those of the system's own reader, past, present and far future",
    arguments: [
      "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "America/Sao_Paulo", "Europe/Dublin",
      "Africa/Casablanca", "Pacific/Chatham", "America/Nuuk",
    ])
  func sameAsSystem(name: String) throws {
    let zone = try TimeZoneRules(named: name)
    let system = try #require(TimeZone(identifier: name))
    for day in stride(from: 0, to: 25_000, by: 37) {
      let instant = Date(timeIntervalSince1970: Double(day) * 86_400 + 4000)
      #expect(zone.offsetSeconds(at: instant) == system.secondsFromGMT(for: instant), "\(name) at \(instant)")
    }
  }

  @Test("rules for all years are read in POSIX's form")
  func posix() throws {
    let berlin = try #require(PosixTimeZone("CET-1CEST,M3.5.0,M10.5.0/3"))
    func offset(_ zone: PosixTimeZone, _ text: String) throws -> Int {
      zone.offsetSeconds(at: Int(try #require(Timestamp.parse(text)).timeIntervalSince1970))
    }
    #expect(try offset(berlin, "2076-03-29T00:59:59Z") == 3600)
    #expect(try offset(berlin, "2076-03-29T01:00:00Z") == 7200)
    #expect(try offset(berlin, "2076-10-25T00:59:59Z") == 7200)
    #expect(try offset(berlin, "2076-10-25T01:00:00Z") == 3600)
    // The summer of the southern half of the world goes over the new year.
    let sydney = try #require(PosixTimeZone("AEST-10AEDT,M10.1.0,M4.1.0/3"))
    #expect(try offset(sydney, "2076-01-15T00:00:00Z") == 39_600)
    #expect(try offset(sydney, "2076-07-15T00:00:00Z") == 36_000)
    #expect(try offset(try #require(PosixTimeZone("<+0530>-5:30")), "2030-01-01T00:00:00Z") == 19_800)
    for text in ["", "X", "CET", "CET-1CEST", "CET-1CEST,M13.1.0,M1.1.0", "CET-1CEST,M3.5.0,M10.5.0/3x"] {
      #expect(PosixTimeZone(text) == nil, "\(text)")
    }
  }

  @Test(
    "rejects an unknown zone, an invalid name and a damaged file",
    arguments: ["Europe/Atlantis", "../etc/passwd", "", "tzdata.zi"])
  func unknown(name: String) {
    #expect(throws: TimeZoneRules.UnknownZone.self) { try TimeZoneRules(named: name) }
  }
}
