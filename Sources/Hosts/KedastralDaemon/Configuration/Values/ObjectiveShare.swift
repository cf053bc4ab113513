/// The share of minutes in which the pods should suffice: a percentage, a number below 1, or the name of a preset.
struct ObjectiveShare: SettingValue, Equatable, CustomStringConvertible {
  static var placeholder: String { "SHARE" }

  /// The presets, for those who have no number.
  static let presets = [("cost", 0.99), ("balanced", 0.999), ("safe", 0.9999)]

  /// The share, in (0.5, 1); nil for no objective.
  let share: Double?

  init(settingText: String) throws(SettingValueError) {
    if let preset = Self.presets.first(where: { $0.0 == settingText.lowercased() }) {
      share = preset.1
      return
    }
    let isPercentage = settingText.hasSuffix("%")
    let digits = isPercentage ? settingText.dropLast().filter { $0 != " " } : settingText
    guard let number = Double(digits), number.isFinite else {
      throw SettingValueError(wrong: "is not an objective", right: Self.right)
    }
    // Through the decimal text, so that 99.9% is the same number as 0.999.
    let share = isPercentage ? (number * 1e7).rounded() / 1e9 : number
    guard share == 0 || (share > 0.5 && share < 1) else {
      throw SettingValueError(wrong: "is not above 50% and below 100%", right: Self.right)
    }
    self.share = share == 0 ? nil : share
  }

  private static let right = "write 99.9% or 0.999, one of cost, balanced and safe, or 0 for none"

  var description: String { share.map(PolicyConfiguration.text(ofObjective:)) ?? "0" }
}

extension PolicyConfiguration {
  /// An objective as it is written: `99.9%`.
  package static func text(ofObjective share: Double) -> String {
    let percent = (share * 1e9).rounded() / 1e7
    return (percent == percent.rounded() ? "\(Int(percent))" : "\(percent)") + "%"
  }
}
