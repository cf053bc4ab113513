/// A password or token: usable, but never shown by printing, interpolating or dumping it.
public struct Secret: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  /// The secret itself.
  public let text: String

  /// Wraps a secret.
  public init(_ text: String) { self.text = text }

  /// Never the secret.
  public var description: String { "(secret)" }
  /// Never the secret.
  public var debugDescription: String { description }
  /// Empty.
  public var customMirror: Mirror { Mirror(self, children: []) }
}

extension Secret: SettingValue {
  static var placeholder: String { "SECRET" }
  static var isSecret: Bool { true }
  init(settingText: String) throws(SettingValueError) { self.init(settingText) }
}
