import FoundationEssentials

/// An `http` or `https` URL with a host and without a fragment, which no server would see; a template such as `{{.Start}}` may
/// stand after the host.
package struct WebURL: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  /// The URL as it was written; it may hold a password, so show ``description`` instead.
  package let text: String

  /// Checks a URL; nil when it is none, or not of `http` or `https`.
  package init?(_ text: String) {
    let checked = Self.withoutTemplates(text)
    guard checked.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }),
      let url = URL(string: checked, encodingInvalidCharacters: false),
      let scheme = url.scheme?.lowercased(), scheme == "http" || scheme == "https",
      let host = url.host(), !host.isEmpty, (url.port ?? 80) <= 65_535, url.port ?? 80 > 0, url.fragment() == nil
    else { return nil }
    self.text = text
  }

  private static func withoutTemplates(_ text: String) -> String {
    var result = ""
    var rest = text[...]
    while let open = rest.firstRange(of: "{{"), let close = rest[open.upperBound...].firstRange(of: "}}") {
      result += rest[..<open.lowerBound] + "x"
      rest = rest[close.upperBound...]
    }
    return result + rest
  }

  /// The URL with its user and password masked.
  package var description: String { Redaction.shown(text) }
  /// The URL with its user and password masked.
  package var debugDescription: String { description }
  /// Empty.
  package var customMirror: Mirror { Mirror(self, children: []) }
}

extension WebURL: SettingValue {
  static var placeholder: String { "URL" }

  init(settingText: String) throws(SettingValueError) {
    guard let url = WebURL(settingText) else {
      throw SettingValueError(
        wrong: "is not an http or https URL", right: "write one such as http://prometheus:9090")
    }
    self = url
  }
}
