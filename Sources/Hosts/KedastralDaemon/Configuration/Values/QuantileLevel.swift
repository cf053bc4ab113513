/// The quantile of the forecast that capacity is planned for, in [0, 1); written `p90` or `0.90`, and 0 for none.
struct QuantileLevel: SettingValue, Equatable {
  static var placeholder: String { "LEVEL" }

  /// The level, or nil to plan by headroom.
  let level: Double?

  init(settingText: String) throws(SettingValueError) {
    let isPercentile = settingText.first == "p" || settingText.first == "P"
    guard let number = Double(isPercentile ? settingText.dropFirst() : settingText[...]), number.isFinite else {
      throw SettingValueError(
        wrong: "is not a quantile level", right: "write p90 or 0.90, or 0 to use the headroom instead")
    }
    // Through the decimal text, so that p99.9 is the same number as 0.999.
    let level = isPercentile ? (number * 1e7).rounded() / 1e9 : number
    guard level >= 0, level < 1 else {
      throw SettingValueError(
        wrong: "is outside the range 0 to 1 (1 excluded)", right: "write p90 or 0.90, or 0 to use the headroom instead")
    }
    self.level = level == 0 ? nil : level
  }
}

/// A quantile of the forecast to export as a series, written as a ``QuantileLevel``.
struct ExportedQuantile: SettingValue, Equatable {
  static var placeholder: String { QuantileLevel.placeholder }

  /// The level, or nil for none.
  let level: Double?

  init(settingText: String) throws(SettingValueError) {
    do { level = try QuantileLevel(settingText: settingText).level } catch {
      throw SettingValueError(wrong: error.wrong, right: "write p90 or 0.90, or 0 for none")
    }
  }
}
