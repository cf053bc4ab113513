/// A password or token: usable, but never shown by printing, interpolating or dumping it.
package struct Secret: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  /// The secret itself.
  package let text: String

  /// Wraps a secret.
  package init(_ text: String) { self.text = text }

  /// Never the secret.
  package var description: String { "(secret)" }
  /// Never the secret.
  package var debugDescription: String { description }
  /// Empty.
  package var customMirror: Mirror { Mirror(self, children: []) }
}

extension Secret: SettingValue {
  static var placeholder: String { "SECRET" }
  static var isSecret: Bool { true }
  init(settingText: String) throws(SettingValueError) { self.init(settingText) }
}
