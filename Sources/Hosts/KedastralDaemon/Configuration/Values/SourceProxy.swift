import FoundationEssentials

/// The proxy between a forecaster and a source.
package enum SourceProxy: Sendable, Hashable {
  /// The one that the environment names for the source's URL: `http_proxy`, `https_proxy`, `no_proxy`.
  case environment
  /// None, regardless of the environment.
  case none
  /// This one, regardless of the environment.
  case server(ProxyURL)
}

/// The URL of a proxy. It may hold a password, so it is shown masked.
package struct ProxyURL: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  private static let schemes = ["http", "https", "socks4", "socks4a", "socks5", "socks5h"]

  /// The URL as it was written.
  package let text: String

  /// Checks a URL; nil when it has no host, or another scheme than `http`, `https`, `socks4`, `socks4a`, `socks5`, `socks5h`.
  package init?(_ text: String) {
    guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }),
      let url = URL(string: text, encodingInvalidCharacters: false),
      let scheme = url.scheme?.lowercased(), Self.schemes.contains(scheme), let host = url.host(), !host.isEmpty,
      (1...65_535).contains(url.port ?? 1080), url.path().isEmpty || url.path() == "/", url.query() == nil
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

extension SourceProxy: SettingValue {
  static var placeholder: String { "PROXY" }

  init(settingText: String) throws(SettingValueError) {
    switch settingText {
    case "environment": self = .environment
    case "none": self = .none
    default:
      guard let url = ProxyURL(settingText) else {
        throw SettingValueError(
          wrong: "is not the URL of a proxy",
          right: "write one such as http://proxy:3128 or socks5://proxy:1080, or none, or environment")
      }
      self = .server(url)
    }
  }

  /// The form that the setting has, with user and password masked.
  var shown: String {
    switch self {
    case .environment: "environment"
    case .none: "none"
    case .server(let url): url.description
    }
  }
}
