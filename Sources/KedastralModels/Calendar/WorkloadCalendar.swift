import KedastralCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The days and hours on which a workload's load is known to differ from its pattern.
package struct WorkloadCalendar: Sendable, Equatable {
  /// The zone of the workload's days.
  package var zone: TimeZoneRules
  package var country: CountryHolidays?
  package var events: [CalendarEvent]

  package init(zone: TimeZoneRules, country: CountryHolidays? = nil, events: [CalendarEvent] = []) {
    self.zone = zone
    self.country = country
    self.events = events
  }

  /// One time at which an event takes place.
  struct Occurrence: Sendable, Equatable {
    let name: String
    let likeness: CalendarEvent.Likeness
    /// The event itself, in seconds since 1970.
    let core: Range<Int>
    /// The event with what is before and after it.
    let span: Range<Int>
    /// The workload's local day on which the span begins.
    let firstDay: CivilDate
    /// The workload's local day on which the event itself begins.
    let day: CivilDate

    /// Identifies the occurrence in a calendar.
    var key: String { "\(span.lowerBound) \(name)" }
  }

  /// What takes place within a range of instants, in seconds since 1970, in the order of its beginnings.
  ///
  /// A holiday on a Sunday is not included, because the load behaves as on a Sunday then.
  func occurrences(in instants: Range<Int>) -> [Occurrence] {
    var found: [Occurrence] = []
    for event in holidays(in: instants) + events {
      // By its local clock it may begin a day earlier or later.
      let earliest = instants.lowerBound - event.length - event.after - 2 * 86_400
      let latest = instants.upperBound + event.before + 2 * 86_400
      for start in event.starts(in: earliest..<latest) {
        guard let occurrence = occurrence(of: event, at: start), occurrence.span.overlaps(instants) else { continue }
        if event.likeness == .sunday, occurrence.day.weekday == .sunday, occurrence.core.count <= 90_000 { continue }
        if !found.contains(where: { $0.key == occurrence.key }) { found.append(occurrence) }
      }
    }
    return found.sorted { ($0.span.lowerBound, $0.name) < ($1.span.lowerBound, $1.name) }
  }

  private func holidays(in instants: Range<Int>) -> [CalendarEvent] {
    guard let country else { return [] }
    let years = [instants.lowerBound - 2 * 86_400, instants.upperBound + 2 * 86_400].map {
      CivilDate(number: LocalTimeline.day($0)).parts.year
    }
    return (years[0]...years[1]).flatMap { year in
      country.dates(in: year).map { CalendarEvent(name: $0.value, likeness: .sunday, day: $0.key) }
    }
  }

  private func occurrence(of event: CalendarEvent, at start: Int) -> Occurrence? {
    let clock = (event.zone ?? zone).localClock(in: start - 2 * 86_400..<start + event.length + 2 * 86_400)
    guard let begin = clock.firstInstant(reaching: start), let end = clock.firstInstant(reaching: start + event.length),
      begin < end
    else { return nil }
    let span = begin - event.before..<end + event.after
    return Occurrence(
      name: event.name, likeness: event.likeness, core: begin..<end, span: span, firstDay: day(at: span.lowerBound),
      day: day(at: begin))
  }

  /// The local day of an instant.
  func day(at instant: Int) -> CivilDate { CivilDate(number: LocalTimeline.day(local(instant))) }

  /// The local time of an instant.
  func local(_ instant: Int) -> Int {
    instant + zone.offsetSeconds(at: Date(timeIntervalSince1970: Double(instant)))
  }
}
