import Foundation
import KedastralCore
import KedastralModels
import KedastralNet
import KedastralSources
import TestSupport
import Testing

@testable import KedastralDaemon

@Suite("Calendars of workloads")
struct CalendarConfigurationTests {
  /// The workload of a file whose calendar names an iCalendar file with these lines of one event.
  private func workload(_ path: String, event: String) throws -> WorkloadConfiguration {
    try "BEGIN:VCALENDAR\nBEGIN:VEVENT\n\(event)\nEND:VEVENT\nEND:VCALENDAR\n".write(
      toFile: path, atomically: true, encoding: .utf8)
    let file = """
      defaults: {calendar: {country: DE, days: [{name: sale, date: 2026-11-27}]}}
      workloads:
        - name: shop
          metric: rps
          source: {query: up}
          calendar: {country: DE-BY, holidaysFile: "\(path)"}
      """
    return try #require(try forecaster(file: file).workloads.first)
  }

  @Test("a changed iCalendar file is another configuration, and an error in it names its line")
  func file() throws {
    let path = NSTemporaryDirectory() + "kedastral-calendar-\(UUID().uuidString).ics"
    defer { try? FileManager.default.removeItem(atPath: path) }
    let first = try workload(path, event: "SUMMARY:inventory\nDTSTART;VALUE=DATE:20261230")
    let calendar = try #require(first.calendar)
    #expect(calendar.country?.text == "DE-BY" && calendar.days.map(\.name) == ["sale"])
    #expect(calendar.holidaysFile?.events.map(\.name) == ["inventory"])
    #expect(calendar.holidaysFile?.events.first?.likeness == .sunday)
    #expect(try workload(path, event: "SUMMARY:inventory\nDTSTART;VALUE=DATE:20261230") == first)
    #expect(try workload(path, event: "SUMMARY:inventory\nDTSTART;VALUE=DATE:20261231") != first)
    #expect(
      problems { _ = try self.workload(path, event: "DTSTART;VALUE=DATE:20261230\nRRULE:FREQ=SECONDLY") } == [
        "k.yaml:6:46: workloads[0].calendar.holidaysFile: \(path), line 4: RRULE with FREQ=SECONDLY is not supported; supported are DAILY, WEEKLY, MONTHLY and YEARLY"
      ])
  }

  @Test("a setting of a flag takes the place of the file's")
  func flag() throws {
    let file = "workloads: [{name: shop, metric: rps, source: {query: up}, calendar: {country: US}}]"
    let workload = try #require(try forecaster(file: file, ["-calendar-country=fr"]).workloads.first)
    #expect(workload.calendar?.country?.text == "FR")
    #expect(try forecaster(file: file.replacing(", calendar: {country: US}", with: "")).workloads[0].calendar == nil)
  }

  /// Hours of a load that follows the clocks of Berlin.
  private func berlin(endingAt end: String, days: Int) throws -> (history: TimeSeries, ahead: [Double]) {
    let zone = try TimeZoneRules(named: "Europe/Berlin")
    func load(_ instant: Date) -> Double {
      let local = Int(instant.timeIntervalSince1970) + zone.offsetSeconds(at: instant)
      return (8 * 3600..<18 * 3600).contains((local % 86_400 + 86_400) % 86_400) ? 500 : 100
    }
    let end = try #require(Timestamp.parse(end))
    let start = end - .seconds(days * 86_400)
    var history = TimeSeries(start: start, step: .seconds(3600), values: Array(repeating: 0, count: days * 24 + 1))
    for index in history.values.indices { history.values[index] = load(history.instant(at: index)) }
    return (history, (1...24).map { load(end + .seconds(3600 * $0)) })
  }

  @Test(
    "every model with a season follows the local clock at both changes, with a calendar and without",
    arguments: ["2026-03-29T06:30:00Z", "2026-10-25T06:30:00Z"])
  func daylightSaving(end: String) async throws {
    let (history, ahead) = try berlin(endingAt: end.replacing(":30", with: ":00"), days: 8)
    for name in ["auto", "baseline", "seasonal-naive", "mstl", "ets", "sarima"] {
      var model = ModelConfiguration(name: name)
      if name == "sarima" {
        model.order = .init(p: 1, d: 0, q: 0, seasonalP: 0, seasonalD: 1, seasonalQ: 0, season: 24)
      }
      for calendar in [nil, CalendarConfiguration(country: try CountryCode(settingText: "DE"))] {
        func error(_ zone: String) async throws -> Double {
          let made = try ModelCatalog.make(
            model, timeZone: zone, calendar: calendar, client: try HTTPClient(on: try EventLoop()), logger: .silent)
          var session = made.makeSession()
          let forecast = try await session.forecast(history, steps: 24, quantiles: [])
          return zip(forecast.values, ahead).reduce(0) { $0 + abs($1.0 - $1.1) / 24 }
        }
        let (local, utc) = (try await error("Europe/Berlin"), try await error("UTC"))
        #expect(local < 25 && local <= utc, "\(name): \(local), by UTC \(utc)")
      }
    }
  }
}
