import Foundation
import TestSupport
import Testing

@testable import KedastralCore
@testable import KedastralModels

@Suite("Models with a calendar", .numeric)
struct CalendarModelTests {
  /// A made load that follows the clock of Berlin: low nights, busy working days, few on Saturdays, Sundays and holidays.
  private struct Shop {
    let zone: TimeZoneRules
    /// The factor on the load of a local day; nil for an ordinary one.
    var special: [CivilDate: Double] = [:]
    /// Days that are like a Sunday.
    var closed: Set<CivilDate> = []
    var hasWeek = true

    init() throws { zone = try TimeZoneRules(named: "Europe/Berlin") }

    func series(from first: CivilDate, days: Int, step: Int = 300) -> TimeSeries {
      var generator = SyntheticLoad.Generator(seed: 7)
      let begin = first.number * 86_400
      let start = Date(timeIntervalSince1970: Double(begin + step))
      let values = (0..<days * 86_400 / step).map { index in
        load(Double(begin + index * step) + Double(step) / 2, &generator)
      }
      return TimeSeries(start: start, step: .seconds(step), values: values)
    }

    private func load(_ middle: Double, _ generator: inout SyntheticLoad.Generator) -> Double {
      let local = middle + Double(zone.offsetSeconds(at: Date(timeIntervalSince1970: middle)))
      let day = CivilDate(number: Int((local / 86_400).rounded(.down)))
      let hour = local / 3600 - Double(day.number) * 24
      let isSunday = (hasWeek && day.weekday == .sunday) || closed.contains(day)
      let isSaturday = hasWeek && day.weekday == .saturday
      let peak: (height: Double, at: Double) = isSunday ? (150, 14) : isSaturday ? (400, 12) : (900, 11)
      let load = 100 + peak.height * exp(-(hour - peak.at) * (hour - peak.at) / 18)
      return load * (special[day] ?? 1) * (1 + 0.03 * generator.noise())
    }
  }

  /// The mean absolute error of each day in UTC, forecast an hour and a half ahead again and again by a session, as a loop does.
  private func error(
    _ model: any Model, _ series: TimeSeries, days: Range<Int>, windowDays: Int = 8
  ) async throws -> [Double] {
    let step = Int(series.step.inSeconds)
    let perDay = 86_400 / step
    var session = model.makeSession()
    var sums = Array(repeating: 0.0, count: days.count)
    for origin in stride(from: days.lowerBound * perDay, to: days.upperBound * perDay, by: 6) {
      let history = series.slice(max(0, origin - windowDays * perDay)..<origin)
      let forecast = try await session.forecast(history, steps: 6, quantiles: [0.9])
      #expect(forecast.defect == nil)
      for (index, value) in forecast.values.enumerated() {
        sums[origin / perDay - days.lowerBound] += abs(value - series.values[origin + index]) / Double(perDay)
      }
    }
    return sums
  }

  private static let auto = AutoModel(refitInterval: .seconds(86_400))
  private static let christmas = [CivilDate(2026, 12, 25), CivilDate(2026, 12, 26)]

  @Test("a holiday is forecast as a Sunday from a week of history, and other days as without a calendar")
  func christmas() async throws {
    var shop = try Shop()
    shop.closed = Set(Self.christmas)
    // From Wednesday 9 December in UTC days, which begin an hour after those of Berlin.
    let ordinary = try Shop().series(from: CivilDate(2026, 12, 9), days: 20, step: 900)
    let series = shop.series(from: CivilDate(2026, 12, 9), days: 20, step: 900)
    let calendar = WorkloadCalendar(zone: shop.zone, country: CountryHolidays("DE"))
    let names: [(any Model, String)] = [(Self.auto, "auto"), (SeasonalBaseline(), "baseline")]
    for (model, name) in names {
      let with = try await error(calendar.applied(to: model), series, days: 15..<20)
      let without = try await error(model, series, days: 15..<20)
      let usual = try await error(model, ordinary, days: 15..<20)
      // The 25th is a Friday, with a working day's peak before and an ordinary Saturday's after it.
      #expect(with[1] < 0.6 * without[1], "\(name): \(with) for \(without)")
      #expect(with[1...].reduce(0, +) < 0.95 * without[1...].reduce(0, +), "\(name): \(with) for \(without)")
      // The days after it, Sunday and Monday, are forecast as if it had been an ordinary Friday.
      #expect(with[3...].reduce(0, +) < 1.1 * usual[3...].reduce(0, +), "\(name): \(with) for \(usual)")
    }
  }

  @Test("a forecast says what it applied, and what it took out of the history")
  func words() throws {
    var shop = try Shop()
    shop.closed = Set(Self.christmas)
    let series = shop.series(from: CivilDate(2026, 12, 9), days: 24)
    let calendar = WorkloadCalendar(zone: shop.zone, country: CountryHolidays("DE"))
    let model = calendar.applied(to: SeasonalBaseline())
    func reason(day: Int) throws -> String {
      try #require(try model.forecast(series.slice(0..<day * 288), steps: 12, quantiles: []).reason)
    }
    #expect(try reason(day: 15).contains("calendar") == false)
    #expect(try reason(day: 16).hasSuffix("; calendar: 2026-12-25 Christmas Day: as a Sunday"))
    #expect(
      try reason(day: 18).hasSuffix(
        "; calendar: 2026-12-25 Christmas Day, 2026-12-26 Second Day of Christmas taken out of the history"))
  }

  @Test("a load without a weekly pattern is left as it is on the first holiday, and learns from it for the next")
  func noWeek() async throws {
    var shop = try Shop()
    shop.hasWeek = false
    shop.special = [CivilDate(2026, 5, 14): 0.4, CivilDate(2026, 5, 25): 0.4]
    let series = shop.series(from: CivilDate(2026, 5, 4), days: 23, step: 900)
    let calendar = WorkloadCalendar(zone: shop.zone, country: CountryHolidays("DE"))
    let with = try await error(calendar.applied(to: Self.auto), series, days: 9..<23)
    let without = try await error(Self.auto, series, days: 9..<23)
    // Ascension Day is the first holiday, and Whit Monday the second.
    #expect(with[1] < 1.01 * without[1])
    #expect(with[12] < 0.6 * without[12], "\(with) for \(without)")
    #expect(with[2] < without[2] && with[13] < 1.05 * without[13], "\(with) for \(without)")
  }

  @Test("an event's own effect is kept across a restart, when its earlier occurrence has left the history")
  func ownEffect() async throws {
    var shop = try Shop()
    shop.special = [CivilDate(2026, 9, 10): 2.5, CivilDate(2026, 9, 24): 2.5]
    let series = shop.series(from: CivilDate(2026, 9, 1), days: 26)
    let sale = [CivilDate(2026, 9, 10), CivilDate(2026, 9, 24)].map {
      CalendarEvent(name: "sale", likeness: .own, day: $0)
    }
    let model = WorkloadCalendar(zone: shop.zone, events: sale).applied(to: SeasonalBaseline())
    var first = model.makeSession()
    let during = try await first.forecast(series.slice(288..<9 * 288 + 140), steps: 12, quantiles: [])
    #expect(during.reason?.hasSuffix("2026-09-10 sale: no effect known yet") == true)
    _ = try await first.forecast(series.slice(3 * 288..<11 * 288), steps: 12, quantiles: [])
    var second = model.makeSession()
    second.restore(try #require(first.state))
    let later = series.slice(15 * 288..<23 * 288)
    let forecast = try await second.forecast(later, steps: 144, quantiles: [0.9])
    #expect(forecast.reason?.hasSuffix("2026-09-24 sale: as on 2026-09-10") == true)
    let actual = series.values[23 * 288..<23 * 288 + 144]
    let errors = zip(forecast.values, actual).map { abs($0 - $1) / $1 }
    #expect(errors.dropFirst(24).reduce(0, +) / 120 < 0.15)
    let plain = try SeasonalBaseline().forecast(later, steps: 144, quantiles: [])
    #expect(zip(plain.values, actual).map { abs($0 - $1) / $1 }.dropFirst(24).reduce(0, +) / 120 > 0.4)
  }

  @Test("hours with a configured factor are forecast by it, with their margins, at both changes of the clock")
  func hours() throws {
    for day in [CivilDate(2026, 3, 29), CivilDate(2026, 10, 25)] {
      let shop = try Shop()
      let series = shop.series(from: day + -9, days: 10)
      let event = CalendarEvent(
        name: "show", likeness: .load(2), start: day.number * 86_400 + 18 * 3600, length: 2 * 3600, before: 1800,
        after: 900)
      let calendar = WorkloadCalendar(zone: shop.zone, events: [event])
      let history = series.slice(0..<9 * 288 + 12 * 12)
      let plain = try SeasonalBaseline().forecast(history, steps: 144, quantiles: [0.9])
      let forecast = try calendar.applied(to: SeasonalBaseline()).forecast(history, steps: 144, quantiles: [0.9])
      let summer = day.parts.month == 3 ? 2 : 1
      for index in 0..<144 {
        // From 17:30 to 20:15 by the clock of Berlin; the history ends at 12:00 UTC.
        let local = Double(12 + summer) + (Double(index) + 0.5) / 12
        let factor = (17.5..<20.25).contains(local) ? 2.0 : 1
        #expect(abs(forecast.values[index] - factor * plain.values[index]) < 1e-9, "\(day) \(local)")
        #expect(abs(forecast.quantiles[0.9]![index] - factor * plain.quantiles[0.9]![index]) < 1e-9)
      }
      #expect(forecast.reason?.hasSuffix("\(day) show: load × 2, as configured") == true)
    }
  }

  @Test("without an event in sight a model's forecasts are the same, bit for bit, and its state is still understood")
  func nothing() async throws {
    let shop = try Shop()
    let series = shop.series(from: CivilDate(2026, 9, 1), days: 12, step: 900)
    let calendar = WorkloadCalendar(zone: shop.zone, country: CountryHolidays("DE"))
    var (plain, with) = (AutoModel().makeSession(), calendar.applied(to: .auto).makeSession())
    for end in stride(from: 11 * 96, to: 12 * 96, by: 6) {
      let history = series.slice(end - 8 * 96..<end)
      let one = try await plain.forecast(history, steps: 12, quantiles: [0.5, 0.9])
      #expect(try await with.forecast(history, steps: 12, quantiles: [0.5, 0.9]) == one)
    }
    #expect((plain as? any FittedSession)?.fit == (with as? any FittedSession)?.fit)
    // The state of a session without a calendar.
    let state = try #require(plain.state)
    (plain, with) = (AutoModel().makeSession(), calendar.applied(to: .auto).makeSession())
    plain.restore(state)
    with.restore(state)
    let history = series.slice(4 * 96..<12 * 96)
    let one = try await plain.forecast(history, steps: 12, quantiles: [0.9])
    #expect(try await with.forecast(history, steps: 12, quantiles: [0.9]) == one)
  }

  @Test("hostile calendars and histories end in a usable forecast")
  func hostile() async throws {
    let utc = TimeZoneRules.utc
    var generator = SyntheticLoad.Generator(seed: 3)
    for round in 0..<60 {
      let step = [60, 300, 3600, 7, 86_400, 21_600][round % 6]
      let count = Int.random(in: 1...400, using: &generator)
      let values = (0..<count).map { _ in
        [0, .nan, 1e300, 1, 5].randomElement(using: &generator) ?? 0
      }
      var history = TimeSeries(
        start: Date(timeIntervalSince1970: Double(1_790_000_000 / step * step)), step: .seconds(step), values: values)
      history.values[0] = 1
      let begin = Int(history.start.timeIntervalSince1970)
      let events = (0..<5).map { _ in
        CalendarEvent(
          name: "e", likeness: [.own, .sunday, .load(20), .load(0.05)].randomElement(using: &generator) ?? .own,
          start: begin + Int.random(in: -100_000...2_000_000, using: &generator),
          length: Int.random(in: 1...CalendarEvent.longest, using: &generator),
          before: Int.random(in: 0...90_000, using: &generator), after: Int.random(in: 0...90_000, using: &generator))
      }
      let calendar = WorkloadCalendar(zone: utc, country: CountryHolidays("US"), events: events)
      var session = calendar.applied(to: SeasonalBaseline()).makeSession()
      for end in [max(1, count / 2), count] {
        let forecast = try await session.forecast(history.slice(0..<end), steps: 9, quantiles: [0.9])
        #expect(forecast.defect == nil, "round \(round)")
      }
    }
  }
}
