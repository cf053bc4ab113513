import FoundationEssentials
import KedastralSources

extension HTTPProxy: SettingValue {
  static var placeholder: String { "PROXY" }

  init(settingText: String) throws(SettingValueError) {
    switch settingText {
    case "environment": self = .environment()
    case "none": self = .none
    default:
      guard Self.isProxyURL(settingText) else {
        throw SettingValueError(
          wrong: "is not the URL of a proxy",
          right: "write one such as http://proxy:3128 or socks5://proxy:1080, or none, or environment")
      }
      self = .server(settingText)
    }
  }

  /// Whether it has a host, a scheme that libcurl has proxies for, and nothing that a proxy does not use.
  private static func isProxyURL(_ text: String) -> Bool {
    guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }),
      let url = URL(string: text, encodingInvalidCharacters: false), let scheme = url.scheme?.lowercased(),
      let host = url.host()
    else { return false }
    return ["http", "https", "socks4", "socks4a", "socks5", "socks5h"].contains(scheme) && !host.isEmpty
      && (1...65_535).contains(url.port ?? 1080) && ["", "/"].contains(url.path()) && url.query() == nil
  }
}
