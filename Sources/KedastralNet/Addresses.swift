/// Where a server listens: `:8081` (every address), `127.0.0.1:0` (a free port), `[::1]:50051`, `localhost:8081`.
package struct ListenAddress: Sendable, Hashable, CustomStringConvertible {
  /// The host name or address; empty for every address.
  package let host: String
  /// The port; 0 selects a free one.
  package let port: UInt16

  /// The error for a text that is not a valid address.
  package struct ParseError: Error, Equatable, CustomStringConvertible {
    /// The text that was given.
    package let text: String
    package var description: String {
      "'\(text)' is not an address to listen on; write host:port or :port with a port from 0 to 65535, such as :8081, 127.0.0.1:8081 or [::1]:8081"
    }
  }

  /// Creates an address.
  package init(host: String, port: UInt16) {
    self.host = host
    self.port = port
  }

  /// Reads an address.
  package init(_ text: String) throws(ParseError) {
    guard let colon = text.lastIndex(of: ":"), let port = Self.port(text[text.index(after: colon)...]) else {
      throw ParseError(text: text)
    }
    var host = text[..<colon]
    let isValid: Bool
    if host.first == "[", host.last == "]" {
      host = host.dropFirst().dropLast()
      isValid = host.contains(":") && host.allSatisfy { ":.%".contains($0) || $0.isHexDigit || $0.isLetter }
    } else {
      isValid = host.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-._".contains($0)) }
    }
    guard isValid else { throw ParseError(text: text) }
    self.init(host: String(host), port: port)
  }

  private static func port(_ digits: Substring) -> UInt16? {
    digits.allSatisfy { $0.isASCII && $0.isNumber } ? UInt16(digits) : nil
  }

  package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

/// Where an outgoing connection goes.
package enum RemoteAddress: Sendable, Hashable, CustomStringConvertible {
  /// A host name or IP address, and a port.
  case network(host: String, port: UInt16)
  /// A Unix domain socket, by its path.
  case unixSocket(path: String)

  package var description: String {
    switch self {
    case .network(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    case .unixSocket(let path): path
    }
  }

  /// The host, or nil of a Unix domain socket.
  package var host: String? {
    if case .network(let host, _) = self { host } else { nil }
  }
}
