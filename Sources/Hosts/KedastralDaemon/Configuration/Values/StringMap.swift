/// Pairs of texts: in a flag or variable `Name=value,Other=value` or a JSON object, in a file a mapping.
struct StringMap: SettingValue, MapSettingValue, Equatable {
  static var placeholder: String { "NAME=VALUE,…" }

  var pairs: [String: String]

  init(pairs: [String: String]) { self.pairs = pairs }

  init(settingText: String) throws(SettingValueError) {
    pairs = [:]
    guard settingText.trimmingSpaces.first != "{" else {
      // JSON is YAML.
      guard let object = try? YAMLDecoder(file: "").decode([String: String].self, from: settingText) else {
        throw Self.error
      }
      pairs = object
      return
    }
    for part in settingText.split(separator: ",") {
      guard let equals = part.firstIndex(of: "=") else { throw Self.error }
      let name = part[..<equals].trimmingSpaces
      guard !name.isEmpty else { throw Self.error }
      pairs[name] = part[part.index(after: equals)...].trimmingSpaces
    }
  }

  private static let error = SettingValueError(
    wrong: "is not a list of pairs", right: "write Name=value,Other=value or a JSON object of strings")
}

/// Pairs whose values may be secret, such as HTTP headers.
struct SecretMap: SettingValue, MapSettingValue, Equatable {
  static var placeholder: String { StringMap.placeholder }
  static var isSecret: Bool { true }

  var pairs: [String: Secret]

  init(pairs: [String: String]) { self.pairs = pairs.mapValues { Secret($0) } }

  init(settingText: String) throws(SettingValueError) {
    self.init(pairs: try StringMap(settingText: settingText).pairs)
  }
}
