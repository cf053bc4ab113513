/// A `redis://`, `rediss://` (TLS) or `unix://` URL. It may hold a password, so it is shown masked.
package struct RedisURL: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  /// The URL as it was written.
  package let text: String

  /// Checks the scheme and that something follows it; nil when the text is not a Redis URL.
  package init?(_ text: String) {
    let schemes = ["redis://", "rediss://", "unix://"]
    guard let scheme = schemes.first(where: text.lowercased().hasPrefix), text.count > scheme.count,
      text.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F })
    else { return nil }
    self.text = text
  }

  /// The URL with its user and password masked.
  package var description: String { Redaction.shown(text) }
  /// The URL with its user and password masked.
  package var debugDescription: String { description }
  /// Empty.
  package var customMirror: Mirror { Mirror(self, children: []) }
}

extension RedisURL: SettingValue {
  static var placeholder: String { "URL" }
  static var isSecret: Bool { true }

  init(settingText: String) throws(SettingValueError) {
    guard let url = RedisURL(settingText) else {
      throw SettingValueError(
        wrong: "is not a Redis URL",
        right: "write one such as redis://redis:6379/0 or rediss://user:password@redis:6380")
    }
    self = url
  }
}
