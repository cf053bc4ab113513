import KedastralCore

extension String: SettingValue {
  static var placeholder: String { "TEXT" }
  init(settingText: String) throws(SettingValueError) { self = settingText }
}

extension Bool: SettingValue {
  static var placeholder: String { "BOOL" }

  init(settingText: String) throws(SettingValueError) {
    switch settingText.lowercased() {
    case "true", "t", "1": self = true
    case "false", "f", "0": self = false
    default: throw SettingValueError(wrong: "is neither true nor false", right: "write true or false")
    }
  }
}

extension Int: SettingValue {
  static var placeholder: String { "N" }

  init(settingText: String) throws(SettingValueError) {
    guard let value = WholeNumber.parse(settingText) else {
      throw SettingValueError(wrong: "is not a whole number", right: "write one such as 3")
    }
    self = value
  }
}

extension Double: SettingValue {
  static var placeholder: String { "NUMBER" }

  init(settingText: String) throws(SettingValueError) {
    guard let value = Double(settingText), value.isFinite else {
      throw SettingValueError(wrong: "is not a number", right: "write one such as 1.2")
    }
    self = value
  }
}

extension Duration: SettingValue {
  static var placeholder: String { "DURATION" }

  init(settingText: String) throws(SettingValueError) {
    do throws(DurationText.ParseError) { self = try DurationText.parse(settingText) } catch {
      throw SettingValueError(
        wrong: "is not a duration",
        right: "write a number with a unit (ns, us, ms, s, m, h, d, w) or a sum of them, such as 30s, 5m or 1d12h")
    }
  }
}

extension WorkloadName: SettingValue {
  static var placeholder: String { "NAME" }

  init(settingText: String) throws(SettingValueError) {
    do throws(InvalidWorkloadName) { self = try WorkloadName(settingText) } catch {
      throw SettingValueError(
        wrong: "is not a workload name",
        right: "use 1 to 253 letters, digits, '-' and '_', with a letter or digit at both ends")
    }
  }
}

extension CronExpression: SettingValue {
  static var placeholder: String { "CRON" }

  init(settingText: String) throws(SettingValueError) {
    do throws(ParseError) { try self.init(settingText) } catch {
      throw SettingValueError(
        wrong: "is not a schedule such as \"30 8 * * mon-fri\"", right: error.problem)
    }
  }
}

/// A setting's value that is one word of a few.
protocol ChoiceSettingValue: SettingValue, RawRepresentable<String>, CaseIterable {}

extension ChoiceSettingValue {
  static var placeholder: String { allCases.map(\.rawValue).joined(separator: "|") }

  init(settingText: String) throws(SettingValueError) {
    guard let value = Self(rawValue: settingText) else {
      let words = Self.allCases.map(\.rawValue)
      let near = Suggestion.nearest(to: settingText, among: words).map { "did you mean \($0)?" }
      throw SettingValueError(
        wrong: "is not one of \(words.joined(separator: ", "))", right: near ?? "choose one of them")
    }
    self = value
  }
}

extension KedastralLogLevel: ChoiceSettingValue {}
extension StandardCapacityPolicy.Rounding: ChoiceSettingValue {}

extension Array: SettingValue, ListSettingValue where Element: SettingValue {
  static var placeholder: String { "\(Element.placeholder),…" }
  static var isSecret: Bool { Element.isSecret }

  init(settingText: String) throws(SettingValueError) {
    self = []
    for part in settingText.split(separator: ",") {
      append(try Element(settingText: part.trimmingSpaces))
    }
  }
}

extension StringProtocol {
  /// The text without spaces and tabs at both ends.
  var trimmingSpaces: String {
    String(drop { $0 == " " || $0 == "\t" }.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
  }
}
