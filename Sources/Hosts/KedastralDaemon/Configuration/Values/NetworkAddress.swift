/// A host and a port: `:8081` (every interface), `127.0.0.1:8081`, `redis:6379`, `[::1]:50051`.
package struct NetworkAddress: Sendable, Hashable, CustomStringConvertible {
  /// The host's name or address without brackets; empty for every interface.
  package var host: String
  /// The port, 0 to let the system choose when listening.
  package var port: Int

  /// Creates an address.
  package init(host: String = "", port: Int) {
    self.host = host
    self.port = port
  }

  /// Reads `host:port`; nil when the text is not that.
  package init?(_ text: String) {
    guard let colon = text.lastIndex(of: ":"), let port = Self.port(text[text.index(after: colon)...]) else {
      return nil
    }
    let host = text[..<colon]
    if host.first == "[", host.last == "]" {
      let inner = host.dropFirst().dropLast()
      guard inner.contains(":"), inner.allSatisfy({ $0.isHexDigit || ":.%".contains($0) || $0.isLetter }) else {
        return nil
      }
      self.init(host: String(inner), port: port)
    } else {
      let isHost = host.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-._".contains($0)) }
      guard isHost else { return nil }
      self.init(host: String(host), port: port)
    }
  }

  /// The form that ``init(_:)`` reads.
  package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

  private static func port(_ text: Substring) -> Int? {
    guard !text.isEmpty, text.allSatisfy({ $0.isASCII && $0.isNumber }), let port = Int(text), port <= 65_535 else {
      return nil
    }
    return port
  }
}

extension NetworkAddress: SettingValue {
  static var placeholder: String { "HOST:PORT" }

  init(settingText: String) throws(SettingValueError) {
    guard let address = NetworkAddress(settingText) else {
      throw SettingValueError(
        wrong: "is not a host and port", right: "write one such as :8081, 127.0.0.1:8081 or [::1]:8081")
    }
    self = address
  }
}
