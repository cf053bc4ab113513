import Glibc

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// How servers are reached: directly, or through a proxy.
///
///     var endpoint = HTTPEndpoint("https://prometheus.example.com")
///     endpoint.proxy = .environment()                           // http_proxy, https_proxy, no_proxy
///     endpoint.proxy = .server("http://proxy.example.com:3128") // this one, whatever the environment says
package struct HTTPProxy: Sendable, Equatable, CustomReflectable {
  private var forHTTP: String?
  private var forHTTPS: String?
  /// Hosts that are reached directly, as `no_proxy` has them.
  private var exceptions: [String] = []
  /// Whether this machine itself is reached directly.
  private var exceptsLoopback = false

  /// No proxy.
  package static let none = HTTPProxy()

  /// A proxy for all servers: `http://`, `https://`, `socks4://` or `socks5://`, perhaps with user and password.
  package static func server(_ url: String) -> HTTPProxy { HTTPProxy(forHTTP: url, forHTTPS: url) }

  /// The environment's settings: `http_proxy`, `https_proxy` and `all_proxy`, except for the hosts in `no_proxy`, and
  /// never for this machine itself (`localhost`, `127.0.0.0/8`, `::1`). Each name may be in capitals; lower case takes
  /// precedence.
  ///
  /// `no_proxy` has names, which stand for their subdomains as well, addresses, and networks such as `10.0.0.0/8`,
  /// separated by commas; `*` stands for all hosts.
  package static func environment(
    _ variables: [String: String] = ProcessInfo.processInfo.environment
  ) -> HTTPProxy {
    func variable(_ name: String) -> String? {
      for name in [name, name.uppercased()] {
        if let value = variables[name], !value.isEmpty { return value }
      }
      return nil
    }
    let fallback = variable("all_proxy")
    let exceptions = variable("no_proxy") ?? ""
    return HTTPProxy(
      forHTTP: variable("http_proxy") ?? fallback, forHTTPS: variable("https_proxy") ?? fallback,
      exceptions: exceptions.split { $0 == "," || $0.isWhitespace }.map { $0.lowercased() }, exceptsLoopback: true)
  }

  /// `environment`, `none` or the URL of the one proxy, which may contain a password.
  package var text: String { exceptsLoopback ? "environment" : forHTTP ?? "none" }

  /// Empty, because URLs may contain passwords.
  package var customMirror: Mirror { Mirror(self, children: []) }

  /// The URL of the proxy for a request, or nil when the server is reached directly.
  func url(for request: HTTPRequest) -> String? {
    let isHTTPS = request.url.lowercased().hasPrefix("https:")
    guard let proxy = isHTTPS ? forHTTPS : forHTTP else { return nil }
    let host = request.host.lowercased()
    if exceptsLoopback, Self.isLoopback(host) { return nil }
    return exceptions.contains { Self.exception($0, covers: host) } ? nil : proxy
  }

  private static func isLoopback(_ host: String) -> Bool {
    if host == "localhost" || host.hasSuffix(".localhost") || host == "::1" { return true }
    return address(host).map { $0.count == 4 && $0[0] == 127 } ?? false
  }

  private static func exception(_ text: String, covers host: String) -> Bool {
    if text == "*" { return true }
    if let address = address(host) { return network(text, contains: address) }
    // A port, a dot or a wildcard in front of a name make no difference.
    var name = text.prefix { $0 != ":" }
    if name.hasPrefix("*") { name = name.dropFirst() }
    if name.hasPrefix(".") { name = name.dropFirst() }
    return !name.isEmpty && (host == name || host.hasSuffix("." + name))
  }

  /// Whether an address, or a network with the length of its prefix, contains an address.
  private static func network(_ text: String, contains other: [UInt8]) -> Bool {
    let parts = text.split(separator: "/", maxSplits: 1)
    guard let first = parts.first else { return false }
    var written = first.filter { $0 != "[" && $0 != "]" }
    if other.count == 4 { written = String(written.prefix { $0 != ":" }) }
    guard let own = address(written), own.count == other.count else { return false }
    guard parts.count == 2 else { return own == other }
    guard let bits = Int(parts[1]), (0...own.count * 8).contains(bits) else { return false }
    return own.indices.allSatisfy { index in
      let shared = max(0, min(8, bits - index * 8))
      return (own[index] ^ other[index]) >> (8 - shared) == 0
    }
  }

  /// The bytes of an IPv4 or IPv6 address; nil for a name.
  private static func address(_ text: String) -> [UInt8]? {
    for (family, size) in [(AF_INET, 4), (AF_INET6, 16)] {
      var bytes = [UInt8](repeating: 0, count: size)
      if inet_pton(family, text, &bytes) == 1 { return bytes }
    }
    return nil
  }
}
