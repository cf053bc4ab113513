import KedastralCore

/// A lead time: a duration, or `auto` to measure it.
enum LeadTimeChoice: SettingValue, Equatable, CustomStringConvertible {
  case auto
  case fixed(Duration)

  static var placeholder: String { "DURATION" }

  init(settingText: String) throws(SettingValueError) {
    if settingText.lowercased() == "auto" {
      self = .auto
      return
    }
    guard let duration = try? DurationText.parse(settingText), duration >= .zero, duration <= .seconds(86_400) else {
      throw SettingValueError(wrong: "is not a lead time", right: "write auto, or a duration up to a day, such as 3m")
    }
    self = .fixed(duration)
  }

  var description: String {
    switch self {
    case .auto: "auto"
    case .fixed(let duration): DurationText.format(duration)
    }
  }
}
