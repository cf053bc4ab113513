import KedastralCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What the events of a calendar do to a load, as factors on its usual load, and what was learned of them.
///
/// The history that a model sees is divided by the factors of its events, so that it has ordinary days only; its forecast is multiplied
/// by the factors of the events ahead. The factor of an event that is over is measured: its load over the usual load of the days
/// before. Before that it is, in this order, the measured one of the same event on the same kind of day, that of earlier public
/// holidays, the configured one, or that of a Sunday. A factor does not change while its event lasts.
struct CalendarEffects: Sendable {
  /// The smallest and largest factor.
  static let bounds = 0.05...20.0

  /// A history of ordinary days, and what is to be applied to its forecast.
  struct Adjustment {
    var history: TimeSeries
    /// Whether a factor of past samples differs from the one of the previous adjustment.
    var hasChanged = false
    /// The factor of each step of the forecast; nil when all are 1.
    var factors: [Double]?
    /// What was applied, one phrase for each event.
    var notes: [String] = []
  }

  /// The factors of one occurrence, in parts of local days from its first day on.
  struct Kept: Codable, Sendable, Equatable {
    /// Empty for an unknown effect.
    var factors: [Float]
    /// Where they come from, in words.
    var origin: String
    var isMeasured = false
    /// The end of the history that they were computed from, in seconds since 1970.
    var computedAt: Double
    var end: Int
  }

  /// The effect of an event on one kind of day, measured.
  struct Effect: Codable, Sendable, Equatable {
    var factors: [Float]
    /// The beginning of the latest occurrence that it was measured at.
    var latest: Int
    var day: String
  }

  /// How often the factors of an event ahead are computed again.
  private static let renewal = 3600.0
  private static let holidays = "public holidays"
  /// How many events that were removed from the history are named.
  private static let mostPastNotes = 2
  private static let mostEffects = 500

  private(set) var kept: [String: Kept] = [:]
  private(set) var effects: [String: Effect] = [:]
  private var known: (range: Range<Int>, occurrences: [WorkloadCalendar.Occurrence])?

  init() {}

  /// Resumes from what was learned before.
  init(kept: [String: Kept], effects: [String: Effect]) {
    let accepted = 0.9 * Self.bounds.lowerBound...1.1 * Self.bounds.upperBound
    func isSound(_ factors: [Float]) -> Bool {
      factors.count <= 100_000 && factors.allSatisfy { $0.isNaN || accepted.contains(Double($0)) }
    }
    self.kept = kept.filter { isSound($0.value.factors) }
    self.effects = effects.filter { isSound($0.value.factors) && !$0.value.factors.isEmpty }
  }

  /// The adjustment of a history and its forecast; nil when no event concerns them.
  mutating func adjustment(
    of history: TimeSeries, unsettled: Int, steps: Int, by calendar: WorkloadCalendar
  ) -> Adjustment? {
    guard let grid = LocalDayTable.Grid(step: history.step), !history.isEmpty else { return nil }
    let occurrences = occurrences(history, steps: steps, calendar)
    let starts = history.start.timeIntervalSince1970
    if !kept.isEmpty { kept = kept.filter { Double($0.value.end) > starts - 86_400 } }
    guard !occurrences.isEmpty else { return nil }
    let clock = LocalSteps(history, steps: steps, zone: calendar.zone)
    let settledEnd = history.instant(at: history.count - 1 - unsettled).timeIntervalSince1970
    let hadAny = !kept.isEmpty
    var table: LocalDayTable?
    func days() -> LocalDayTable {
      if let table { return table }
      var isOrdinary = Array(repeating: true, count: history.count)
      for other in occurrences {
        for index in clock.indices(in: other.span, of: 0..<history.count) { isOrdinary[index] = false }
      }
      let made = LocalDayTable(history, upTo: history.count, grid: grid, clock: clock, isOrdinary: isOrdinary)
      table = made
      return made
    }
    var adjustment = Adjustment(history: history)
    for occurrence in occurrences {
      let old = kept[occurrence.key]
      if old?.isMeasured == true { continue }
      if Double(occurrence.span.upperBound) <= settledEnd {
        let measured = measured(occurrence, days(), history, clock)
        learn(measured, occurrence)
        var new =
          measured.map {
            Kept(
              factors: $0, origin: "measured", isMeasured: true, computedAt: settledEnd,
              end: occurrence.span.upperBound)
          } ?? old ?? expected(occurrence, days(), at: settledEnd)
        // Measured once, also where it could not be.
        new.isMeasured = true
        if hadAny || old != nil, old?.factors != new.factors { adjustment.hasChanged = true }
        kept[occurrence.key] = new
      } else if let old, Double(occurrence.span.lowerBound) <= settledEnd || settledEnd < old.computedAt + Self.renewal
      {
        continue
      } else {
        kept[occurrence.key] = expected(occurrence, days(), at: settledEnd)
      }
    }
    apply(occurrences, to: &adjustment, steps: steps, clock: clock, grid: grid)
    return adjustment
  }

  /// The occurrences from a day before the history to the end of the forecast.
  private mutating func occurrences(
    _ history: TimeSeries, steps: Int, _ calendar: WorkloadCalendar
  ) -> [WorkloadCalendar.Occurrence] {
    let step = history.step.inSeconds
    let first = Int(history.start.timeIntervalSince1970 - step)
    let last = Int(history.end.timeIntervalSince1970 + Double(steps) * step)
    if known.map({ $0.range.lowerBound > first || $0.range.upperBound < last }) ?? true {
      let range = first - 86_400..<last + 2 * 86_400
      known = (range, calendar.occurrences(in: range))
    }
    return known?.occurrences.filter { $0.span.overlaps(first..<last) } ?? []
  }

  /// Divides the history by the factors of its events, and collects those of the forecast.
  private func apply(
    _ occurrences: [WorkloadCalendar.Occurrence], to adjustment: inout Adjustment, steps: Int, clock: LocalSteps,
    grid: LocalDayTable.Grid
  ) {
    let count = adjustment.history.count
    var factors: [Int: Double] = [:]
    var past: [String] = []
    // Of two events at the same time, the shorter one is applied.
    let longestFirst = occurrences.sorted { $0.span.count > $1.span.count }
    for occurrence in longestFirst {
      guard let kept = kept[occurrence.key], !kept.factors.isEmpty else { continue }
      for index in clock.indices(in: occurrence.span, of: 0..<count + steps) {
        guard let factor = Self.factor(kept.factors, of: occurrence, at: clock.local(at: index), grid) else { continue }
        factors[index] = factor
      }
    }
    var values = adjustment.history.values
    var ahead: [Double]?
    for (index, factor) in factors {
      if index < count {
        values[index] /= factor
      } else {
        var path = ahead ?? Array(repeating: 1, count: steps)
        path[index - count] = factor
        ahead = path
      }
    }
    adjustment.factors = ahead
    let history = adjustment.history
    if !factors.isEmpty { adjustment.history = TimeSeries(start: history.start, step: history.step, values: values) }
    for occurrence in occurrences {
      guard let kept = kept[occurrence.key] else { continue }
      let name = "\(occurrence.day) \(occurrence.name)"
      if !clock.indices(in: occurrence.span, of: count..<count + steps).isEmpty {
        adjustment.notes.append("\(name): \(kept.origin)")
      } else if !kept.factors.isEmpty {
        past.append(name)
      }
    }
    if !past.isEmpty {
      adjustment.notes.append("\(past.suffix(Self.mostPastNotes).joined(separator: ", ")) taken out of the history")
    }
  }

  /// The factor at a local time: linear between the middles of the parts; nil where none is known.
  private static func factor(
    _ factors: [Float], of occurrence: WorkloadCalendar.Occurrence, at local: Int, _ grid: LocalDayTable.Grid
  ) -> Double? {
    let place = Double(local - occurrence.firstDay.number * 86_400) / Double(grid.part) - 0.5
    let lower = Int(place.rounded(.down))
    func part(_ index: Int) -> Double? {
      // A long event is kept as one day, and one that was seen on another day may have been shorter.
      let wrapped =
        factors.indices.contains(index)
        ? index : ((index % grid.partsPerDay) + grid.partsPerDay) % grid.partsPerDay
      guard factors.indices.contains(wrapped), factors[wrapped].isFinite else { return nil }
      return Double(factors[wrapped])
    }
    guard let from = part(max(0, lower)) else { return part(lower + 1) }
    guard let to = part(lower + 1) else { return from }
    return from + (to - from) * (place - Double(lower))
  }

  // MARK: Factors

  /// The days of an occurrence for which parts are kept: all, or one for the time of day of a long event.
  private static func dayCount(_ occurrence: WorkloadCalendar.Occurrence) -> Int {
    let days = (occurrence.span.count + 2 * 86_400 - 1) / 86_400
    return days > 4 ? 1 : days
  }

  /// The factors that an occurrence had; nil when too little of it or of usual days was measured.
  private func measured(
    _ occurrence: WorkloadCalendar.Occurrence, _ table: LocalDayTable, _ history: TimeSeries, _ clock: LocalSteps
  ) -> [Float]? {
    let grid = table.grid
    let days = Self.dayCount(occurrence)
    let zero = Array(repeating: 0.0, count: days * grid.partsPerDay)
    var (load, usual, number) = (zero, zero, zero)
    var usualDays: [CivilDate: [Double]] = [:]
    var isPresent = Array(repeating: false, count: days * grid.partsPerDay)
    for index in clock.indices(in: occurrence.span, of: 0..<history.count) {
      let local = clock.local(at: index)
      let day = CivilDate(number: LocalTimeline.day(local))
      let own = usualDays[day] ?? table.usual(day, before: occurrence.firstDay) ?? []
      usualDays[day] = own
      let part = (local - day.number * 86_400) / grid.part
      let place = days == 1 ? part : (day.number - occurrence.firstDay.number) * grid.partsPerDay + part
      guard own.indices.contains(part), isPresent.indices.contains(place) else { continue }
      isPresent[place] = true
      guard history.values[index].isFinite, own[part].isFinite else { continue }
      load[place] += history.values[index]
      usual[place] += own[part]
      number[place] += 1
    }
    let measured = number.count { $0 > 0 }
    guard measured > 0, Double(measured) >= 0.8 * Double(isPresent.count { $0 }),
      Double(occurrence.span.lowerBound) >= history.start.timeIntervalSince1970 - history.step.inSeconds
    else { return nil }
    func means(_ sums: [Double]) -> [Double] { zip(sums, number).map { $0.1 > 0 ? $0.0 / $0.1 : .nan } }
    return LocalDayTable.ratio(of: means(load), to: means(usual)).map { Float($0) }
  }

  /// The factors that an occurrence is expected to have.
  private func expected(
    _ occurrence: WorkloadCalendar.Occurrence, _ table: LocalDayTable, at computedAt: Double
  ) -> Kept {
    func made(_ factors: [Float], _ origin: String) -> Kept {
      Kept(factors: factors, origin: origin, computedAt: computedAt, end: occurrence.span.upperBound)
    }
    if let effect = effects[Self.key(occurrence.name, occurrence)]
      ?? (occurrence.likeness == .sunday ? nil : latest(named: occurrence.name))
    {
      return made(effect.factors, "as on \(effect.day)")
    }
    switch occurrence.likeness {
    case .load(let factor):
      let factors = Array(repeating: Float(factor), count: Self.dayCount(occurrence) * table.grid.partsPerDay)
      return made(factors, "load × \(CalendarEffects.text(factor)), as configured")
    case .own: return made([], "no effect known yet")
    case .sunday:
      if let effect = effects[Self.key(Self.holidays, occurrence)] {
        return made(effect.factors, "as on the public holiday \(effect.day)")
      }
      guard let factors = likeSunday(occurrence, table) else {
        return made([], "no effect, because Sundays do not differ from working days")
      }
      return made(factors, "as a Sunday")
    }
  }

  /// The factors that make each day of the event itself a Sunday.
  private func likeSunday(_ occurrence: WorkloadCalendar.Occurrence, _ table: LocalDayTable) -> [Float]? {
    guard let sunday = table.sunday(before: occurrence.firstDay) else { return nil }
    let parts = table.grid.partsPerDay
    var factors = Array(repeating: Float.nan, count: Self.dayCount(occurrence) * parts)
    let firstDay = occurrence.firstDay.number
    let coreDays = max(1, Int((Double(occurrence.core.count) / 86_400).rounded()))
    for day in occurrence.day.number..<occurrence.day.number + coreDays {
      let date = CivilDate(number: day)
      guard date.weekday != .sunday, let usual = table.usual(date, before: occurrence.firstDay) else { continue }
      for (part, ratio) in LocalDayTable.ratio(of: sunday, to: usual).enumerated() {
        let place = (day - firstDay) * parts + part
        if factors.indices.contains(place) { factors[place] = Float(ratio) }
      }
    }
    return factors.contains(where: \.isFinite) ? factors : nil
  }

  private static func text(_ factor: Double) -> String {
    factor == factor.rounded() ? "\(Int(factor))" : "\(factor)"
  }

  // MARK: Learning

  private mutating func learn(_ measured: [Float]?, _ occurrence: WorkloadCalendar.Occurrence) {
    guard let measured else { return }
    update(Self.key(occurrence.name, occurrence), measured, occurrence)
    if occurrence.likeness == .sunday { update(Self.key(Self.holidays, occurrence), measured, occurrence) }
    while effects.count > Self.mostEffects {
      guard let oldest = effects.min(by: { $0.value.latest < $1.value.latest }) else { return }
      effects[oldest.key] = nil
    }
  }

  /// The mean of the new factors and the earlier ones.
  private mutating func update(_ key: String, _ measured: [Float], _ occurrence: WorkloadCalendar.Occurrence) {
    var new = Effect(factors: measured, latest: occurrence.span.lowerBound, day: occurrence.day.description)
    if let old = effects[key] {
      guard old.latest < new.latest else { return }
      if old.factors.count == measured.count {
        new.factors = zip(old.factors, measured).map { $0.isNaN ? $1 : $1.isNaN ? $0 : ($0 + $1) / 2 }
      }
    }
    effects[key] = new
  }

  /// Working days, Saturdays and Sundays differ in what an event changes.
  private static func key(_ name: String, _ occurrence: WorkloadCalendar.Occurrence) -> String {
    let kind =
      switch occurrence.day.weekday {
      case .saturday: "saturday"
      case .sunday: "sunday"
      default: "working day"
      }
    return "\(kind) \(name)"
  }

  private func latest(named name: String) -> Effect? {
    ["working day", "saturday", "sunday"].compactMap { effects["\($0) \(name)"] }.max { $0.latest < $1.latest }
  }
}
