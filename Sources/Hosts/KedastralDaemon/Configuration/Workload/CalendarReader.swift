import KedastralCore
import KedastralModels

/// Reads a workload's calendar.
struct CalendarReader {
  let given: GivenSettings
  let problems: ProblemList

  /// The longest time before or after an event in which its effect is looked for.
  private static let longestMargin = Duration.seconds(14 * 86_400)

  /// The calendar; nil without one.
  func read(_ own: CalendarSection?, defaults: CalendarSection?) -> CalendarConfiguration? {
    var calendar = CalendarConfiguration()
    calendar.country = given.value(Settings.calendarCountry, own?.country, defaults?.country)?.value
    calendar.holidaysFile = file(
      given.text(Settings.calendarHolidaysFile, own?.holidaysFile, defaults?.holidaysFile), .sunday)
    calendar.eventsFile = file(given.text(Settings.calendarEventsFile, own?.eventsFile, defaults?.eventsFile), .own)
    calendar.days = (own?.days ?? defaults?.days ?? []).compactMap(day)
    return calendar.isEmpty ? nil : calendar
  }

  private func file(_ path: Located<String>?, _ likeness: CalendarEvent.Likeness) -> CalendarConfiguration.File? {
    guard let path else { return nil }
    do throws(TextFile.ReadError) {
      let text = try TextFile.read(path.value)
      do throws(ICalendar.ParseError) {
        return CalendarConfiguration.File(
          path: path.value, events: try ICalendar.events(text, likeness: likeness))
      } catch {
        problems.add(path.origin, "\(path.value), \(error)")
      }
    } catch {
      problems.add(path.origin, "cannot read '\(path.value)': \(error)")
    }
    return nil
  }

  private func day(_ section: Section<CalendarDaySection>) -> CalendarConfiguration.Day? {
    let own = section.content
    guard let name = own.name, !name.value.isEmpty else {
      missing("name", "what the day is called; days with the same name have the same effect", section)
      return nil
    }
    guard let time = time(own, section) else { return nil }
    for margin in [own.before, own.after].compactMap(\.self)
    where margin.value < .zero || margin.value > Self.longestMargin {
      problems.add(
        margin.origin,
        "the duration \(DurationText.format(margin.value)) is not between 0 and 14 days; write one such as 6h")
    }
    var likeness = CalendarEvent.Likeness.own
    if own.like != nil { likeness = .sunday }
    if let load = own.load {
      if own.like != nil { problems.add(load.origin, "'like' and 'load' exclude each other; remove one of them") }
      if !(0.05...20).contains(load.value) {
        problems.add(load.origin, "the factor \(load.value) is not between 0.05 and 20; write one such as 1.5")
      }
      likeness = .load(load.value)
    }
    return CalendarConfiguration.Day(
      name: name.value, time: time, before: own.before?.value ?? .zero, after: own.after?.value ?? .zero,
      likeness: likeness)
  }

  private func time(
    _ own: CalendarDaySection, _ section: Section<CalendarDaySection>
  ) -> CalendarConfiguration.Day.Time? {
    if let date = own.date {
      if let start = own.start ?? own.end {
        problems.add(start.origin, "'date' is a whole day; remove it, or 'start' and 'end'")
      }
      return .day(date.value)
    }
    guard let start = own.start else {
      if own.end != nil {
        missing("start", "the local time at which it begins, such as 2026-11-27 18:00", section)
      } else {
        missing("date", "the day, such as 2026-12-24; or 'start' and 'end', local times", section, or: "start")
      }
      return nil
    }
    guard let end = own.end else {
      missing("end", "the local time at which it ends, such as 2026-11-27 22:00", section)
      return nil
    }
    let length = end.value.local - start.value.local
    guard length > 0, length <= CalendarEvent.longest else {
      problems.add(
        end.origin,
        "the end \(end.value) is not after the start \(start.value), or more than 60 days after it")
      return nil
    }
    return .hours(start.value, end.value)
  }

  private func missing(_ key: String, _ right: String, _ section: Section<CalendarDaySection>, or other: String? = nil)
  {
    guard case .file(_, _, _, let path) = section.origin,
      ![key, other].compactMap(\.self).contains(where: { problems.concern(key: "\(path).\($0)") })
    else { return }
    problems.add(section.origin, "the key '\(key)' is missing: \(right)")
  }
}
