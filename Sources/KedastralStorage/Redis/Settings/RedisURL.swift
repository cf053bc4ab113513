import KedastralNet

/// The parts of a Redis URL.
package struct RedisURL: Sendable, Equatable, CustomReflectable {
  /// An invalid Redis URL.
  package struct ParseError: Error, Equatable, CustomStringConvertible {
    /// What is invalid; the URL itself is left out, because it may contain a password.
    package let problem: String
    package var description: String {
      "Redis URL: \(problem); write redis://[user:password@]host[:port][/database], rediss://… for TLS, or unix:///path[?db=1]"
    }
  }

  private(set) var server: RemoteAddress
  private var userInfo: UserInfo?
  private(set) var database = 0
  package private(set) var usesTLS = false

  /// Parses a URL.
  package init(_ text: String) throws(ParseError) {
    guard let (scheme, rest) = text.split(at: "://") else { throw .init(problem: "no scheme") }
    // A password may contain any character, written literally.
    let (userInfo, place) = rest.split(atLast: "@") ?? ("", rest)
    let (location, query) = place.split(at: "?") ?? (place, "")
    switch scheme.lowercased() {
    case "redis", "rediss":
      let (authority, path) = location.split(at: "/") ?? (location, "")
      server = try Self.address(authority)
      usesTLS = scheme.lowercased() == "rediss"
      if !path.isEmpty { database = try Self.databaseNumber(path) }
    case "unix":
      guard location.hasPrefix("/") else { throw .init(problem: "a socket's path begins with /") }
      server = .unixSocket(path: try Self.decoded(location))
    default: throw .init(problem: "unknown scheme '\(scheme.prefix(20))'")
    }
    if !userInfo.isEmpty { self.userInfo = try Self.userInfo(userInfo) }
    var pathDatabase = database > 0 ? database : nil
    for item in query.split(separator: "&") {
      guard let number = item.split(at: "="), number.0 == "db" else {
        throw .init(problem: "unknown parameter '\(item.prefix { $0 != "=" })'")
      }
      database = try Self.databaseNumber(number.1)
      guard pathDatabase ?? database == database else {
        throw .init(problem: "it has two database numbers, \(pathDatabase ?? 0) and \(database)")
      }
      pathDatabase = database
    }
  }

  /// The text before the `@`.
  private enum UserInfo: Sendable, Equatable {
    /// One word: traditionally the password; the user when the password is given separately.
    case word(String)
    /// `user:password`, or `:password`.
    case pair(user: String?, password: String)
  }

  /// Empty, because the URL may contain a password.
  package var customMirror: Mirror { Mirror(self, children: []) }

  /// The credentials of the URL alone.
  var credentials: RedisConfiguration.Credentials? { credentials(user: nil, password: nil) }

  /// The credentials, where a given user and password override those of the URL.
  func credentials(user: String?, password: RedisConfiguration.Password?) -> RedisConfiguration.Credentials? {
    switch userInfo {
    case nil: return RedisConfiguration.Credentials(user: user, password: password)
    case .word(let word):
      if let password {
        return RedisConfiguration.Credentials(user: user ?? word, password: password)
      } else {
        return RedisConfiguration.Credentials(user: user, password: .text(word))
      }
    case .pair(let itsUser, let itsPassword):
      return RedisConfiguration.Credentials(user: user ?? itsUser, password: password ?? .text(itsPassword))
    }
  }

  private static func userInfo(_ text: Substring) throws(ParseError) -> UserInfo {
    guard let (user, password) = text.split(at: ":") else { return .word(try decoded(text)) }
    let name = try decoded(user)
    return .pair(user: name.isEmpty ? nil : name, password: try decoded(password))
  }

  private static func address(_ text: Substring) throws(ParseError) -> RemoteAddress {
    var host = text
    var port: UInt16 = 6379
    let end = text.lastIndex(of: "]") ?? text.startIndex
    if let colon = text.lastIndex(of: ":"), colon >= end {
      guard let number = UInt16(text[text.index(after: colon)...]), number > 0 else {
        throw .init(problem: "'\(text[colon...].dropFirst())' is not a port")
      }
      host = text[..<colon]
      port = number
    }
    if host.hasPrefix("["), host.hasSuffix("]") {
      host = host.dropFirst().dropLast()
    } else if host.contains(":") {
      throw .init(problem: "an IPv6 address stands in brackets")
    }
    let name = try decoded(host)
    guard name.allSatisfy({ $0.isLetter || $0.isNumber || "-._:%".contains($0) }) else {
      throw .init(problem: "'\(name.prefix(80))' is not a host")
    }
    return .network(host: name.isEmpty ? "localhost" : name, port: port)
  }

  private static func databaseNumber(_ text: some StringProtocol) throws(ParseError) -> Int {
    guard let number = Int(text), number >= 0 else { throw .init(problem: "'\(text)' is not a database number") }
    return number
  }

  /// Decodes percent-encoding.
  private static func decoded(_ text: Substring) throws(ParseError) -> String {
    var bytes: [UInt8] = []
    var rest = text.utf8[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      guard let digits = String(rest.prefix(2)), digits.utf8.count == 2, let value = UInt8(digits, radix: 16) else {
        throw .init(problem: "a % without two hexadecimal digits behind it")
      }
      bytes.append(value)
      rest = rest.dropFirst(2)
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}

extension StringProtocol {
  /// The texts before and after the first `separator`; nil when there is none.
  func split(at separator: String) -> (Substring, Substring)? {
    var start = startIndex
    while start < endIndex {
      if self[start...].hasPrefix(separator) {
        return (Substring(self[..<start]), Substring(self[start...].dropFirst(separator.count)))
      }
      start = index(after: start)
    }
    return nil
  }

  /// The texts before and after the last `separator`; nil when there is none.
  func split(atLast separator: Character) -> (Substring, Substring)? {
    lastIndex(of: separator).map { (Substring(self[..<$0]), Substring(self[index(after: $0)...])) }
  }
}
