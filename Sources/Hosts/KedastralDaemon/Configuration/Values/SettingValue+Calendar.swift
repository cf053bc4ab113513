import KedastralCore
import KedastralModels

/// The code of a country or state whose public holidays are known.
package struct CountryCode: SettingValue, Equatable {
  package let text: String
  static var placeholder: String { "CODE" }

  init(settingText: String) throws(SettingValueError) {
    let code = settingText.uppercased()
    guard CountryHolidays(code) != nil else {
      let countries = CountryHolidays.codes.filter { !$0.contains("-") }.joined(separator: ", ")
      throw SettingValueError(
        wrong: "is not a country or state whose holidays are known",
        right: "known are \(countries), and states such as DE-BY and GB-SCT; or name an iCalendar file in holidaysFile")
    }
    text = code
  }
}

/// A time of a day on the workload's local clock: `2026-11-27 18:00`.
package struct CalendarTime: SettingValue, Equatable, CustomStringConvertible {
  static var placeholder: String { "TIME" }

  /// Seconds since 1970 by that clock.
  let local: Int

  init(settingText: String) throws(SettingValueError) {
    let parts = settingText.split { $0 == " " || $0 == "T" }
    let time = parts.count == 2 ? parts[1].split(separator: ":", omittingEmptySubsequences: false) : []
    guard parts.count == 2, let date = CivilDate(parts[0]), time.count == 2, time.allSatisfy({ $0.utf8.count == 2 }),
      let hour = WholeNumber.parse(String(time[0])), let minute = WholeNumber.parse(String(time[1])),
      (0...23).contains(hour), (0...59).contains(minute)
    else {
      throw SettingValueError(
        wrong: "is not a date and time", right: "write local time, such as 2026-11-27 18:00")
    }
    local = date.number * 86_400 + hour * 3600 + minute * 60
  }

  package var description: String {
    let date = CivilDate(number: LocalTimeline.day(local))
    let minutes = (local - date.number * 86_400) / 60
    return "\(date) \(Timestamp.padded(minutes / 60, 2)):\(Timestamp.padded(minutes % 60, 2))"
  }
}

extension CivilDate: SettingValue {
  static var placeholder: String { "DATE" }

  init(settingText: String) throws(SettingValueError) {
    guard let date = CivilDate(settingText) else {
      throw SettingValueError(wrong: "is not a date", right: "write one such as 2026-12-24")
    }
    self = date
  }
}

/// What is known of the load on a day of a calendar.
enum CalendarLikeness: String, ChoiceSettingValue { case sunday }
