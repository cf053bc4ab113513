/// A type that a setting can have: read from one text, the same way for a flag, an environment variable and a file.
protocol SettingValue: Sendable {
  /// What stands for the value in help, such as `DURATION`.
  static var placeholder: String { get }
  /// Whether a value must never be shown.
  static var isSecret: Bool { get }
  /// Reads a value.
  init(settingText: String) throws(SettingValueError)
}

extension SettingValue {
  static var isSecret: Bool { false }
}

/// A setting's value that is a list: one text with commas, or a YAML list.
protocol ListSettingValue: SettingValue {}

/// A setting's value that is pairs: one text, or a YAML mapping.
protocol MapSettingValue: SettingValue {
  init(pairs: [String: String])
}

/// Why a text is not a valid value of its setting, without the text, which may be secret.
struct SettingValueError: Error {
  /// What is wrong, after the value: `is not a whole number`.
  var wrong: String
  /// What would be right: `write one such as 3`.
  var right: String

  /// The whole message; a secret value is left out, and the password of a URL is masked.
  func message(for text: String, isSecret: Bool) -> String {
    "\(isSecret ? "the value (not shown)" : "'\(Redaction.shown(text))'") \(wrong); \(right)"
  }
}

/// Keeps passwords and long texts out of messages.
enum Redaction {
  /// `text` on one line, cut after 80 characters, with what stands between `://` and the last `@` masked.
  static func shown(_ text: String) -> String {
    let result = masked(text.split(whereSeparator: \.isNewline).joined(separator: " "))
    return result.count > 80 ? result.prefix(80) + "…" : result
  }

  /// `text` with what stands between `://` and the last `@` masked.
  static func masked(_ text: String) -> String {
    var result = text
    if let slash = result.firstRange(of: "://")?.upperBound, let at = result.lastIndex(of: "@"), slash <= at {
      result.replaceSubrange(slash..<at, with: "***")
    }
    return result
  }
}
