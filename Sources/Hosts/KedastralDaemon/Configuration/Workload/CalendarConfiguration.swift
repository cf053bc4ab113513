import KedastralCore
import KedastralModels

/// The days and hours on which a workload's load differs from its pattern.
package struct CalendarConfiguration: Sendable, Equatable {
  /// An iCalendar file and its events when it was read.
  package struct File: Sendable, Equatable {
    package var path: String
    package var events: [CalendarEvent]
  }

  /// A day of the list.
  package struct Day: Sendable, Equatable {
    package enum Time: Sendable, Equatable {
      case day(CivilDate)
      case hours(CalendarTime, CalendarTime)
    }

    package var name: String
    package var time: Time
    package var before: Duration
    package var after: Duration
    package var likeness: CalendarEvent.Likeness
  }

  /// The country or state with its public holidays.
  package var country: CountryCode?
  package var holidaysFile: File?
  package var eventsFile: File?
  package var days: [Day] = []

  /// Whether there is nothing in it.
  var isEmpty: Bool { country == nil && holidaysFile == nil && eventsFile == nil && days.isEmpty }

  /// The calendar of a workload whose days begin in `zone`.
  func calendar(in zone: TimeZoneRules) -> WorkloadCalendar {
    WorkloadCalendar(
      zone: zone, country: country.flatMap { CountryHolidays($0.text) },
      events: (holidaysFile?.events ?? []) + (eventsFile?.events ?? []) + days.map(\.event))
  }
}

extension CalendarConfiguration.Day {
  fileprivate var event: CalendarEvent {
    let (before, after) = (Int(before.inSeconds), Int(after.inSeconds))
    switch time {
    case .day(let date):
      return CalendarEvent(name: name, likeness: likeness, day: date, before: before, after: after)
    case .hours(let start, let end):
      return CalendarEvent(
        name: name, likeness: likeness, start: start.local, length: end.local - start.local, before: before,
        after: after)
    }
  }
}
