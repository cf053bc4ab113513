/// One request to an endpoint.
package struct HTTPRequest: Sendable {
  /// The method in capitals.
  package var method: String
  /// The server, credentials and limits.
  package var endpoint: HTTPEndpoint
  /// What follows the endpoint's path: a path with a leading slash, and parameters, which join the endpoint's; or nothing.
  package var path: String
  /// Headers in addition to the endpoint's.
  package var headers: [HTTPHeader]
  /// The body, or nil for none.
  package var body: [UInt8]?
  /// Whether the server may compress the response: useful only for long ones.
  package var acceptsCompression: Bool

  /// Creates a request.
  package init(
    _ endpoint: HTTPEndpoint, method: String = "GET", path: String = "", headers: [HTTPHeader] = [],
    body: [UInt8]? = nil, acceptsCompression: Bool = true
  ) {
    self.method = method
    self.endpoint = endpoint
    self.path = path
    self.headers = headers
    self.body = body
    self.acceptsCompression = acceptsCompression
  }

  /// The whole URL: the path follows the endpoint's own path, and its parameters stand before the endpoint's.
  var url: String { Self.joined(endpoint.url, path) }

  /// The request as short text, without secrets: `POST http://prometheus:9090/api/v1/query_range`.
  var displayName: String { "\(method) \(Self.redacted(url))" }

  /// Scheme, host and port: requests that share one share connections and their limit.
  var origin: String {
    let scheme = url.prefix { $0 != ":" }
    return scheme.lowercased() + "://" + Self.authority(of: url)
  }

  /// The server's name or address, without port and brackets.
  var host: String {
    let authority = Self.authority(of: url)
    if authority.hasPrefix("[") { return String(authority.dropFirst().prefix { $0 != "]" }) }
    return String(authority.prefix { $0 != ":" })
  }

  /// What is invalid in the request, or nil.
  var defect: String? {
    let lowercased = url.lowercased()
    guard lowercased.hasPrefix("http://") || lowercased.hasPrefix("https://") else {
      return "the URL must begin with http:// or https://"
    }
    guard !Self.authority(of: url).isEmpty else { return "the URL has no host" }
    guard url.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else {
      return "the URL contains a space or a control character; write it percent-encoded"
    }
    guard !method.isEmpty, method.utf8.allSatisfy(Self.isTokenByte) else { return "'\(method)' is not a method" }
    for header in endpoint.headers + headers {
      guard !header.name.isEmpty, header.name.utf8.allSatisfy(Self.isTokenByte) else {
        return "'\(header.name)' is not a header name"
      }
      guard header.value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }) else {
        return "the value of header \(header.name) contains a control character"
      }
    }
    return nil
  }

  /// A URL with a path and parameters behind its own: `http://h/a?x=1` and `/b?y=2` give `http://h/a/b?y=2&x=1`.
  static func joined(_ url: String, _ path: String) -> String {
    if path.isEmpty { return url }
    let base = Parts(url)
    let more = Parts(path)
    // One slash where the two meet; a slash at the end of an URL without a path is the server's business.
    let meet = base.path.hasSuffix("/") && more.path.hasPrefix("/") ? base.path.dropLast() : base.path
    let query = [more.query, base.query].filter { !$0.isEmpty }.joined(separator: "&")
    return meet + more.path + (query.isEmpty ? "" : "?" + query)
  }

  /// Whether the path of a URL, its parameters aside, ends so.
  static func path(of url: String, endsIn suffix: String) -> Bool { Parts(url).path.hasSuffix(suffix) }

  /// A URL without what may be secret: user, password, fragment, and the values of its parameters.
  static func redacted(_ url: String) -> String {
    let parts = Parts(url)
    let query =
      parts.query.isEmpty
      ? "" : "?" + parts.query.split(separator: "&").map(redacted(parameter:)).joined(separator: "&")
    guard let separator = parts.path.firstRange(of: "://") else { return parts.path + query }
    let rest = parts.path[separator.upperBound...]
    let authority = rest.prefix { $0 != "/" }
    return parts.path[..<separator.upperBound] + Self.host(of: authority) + rest.dropFirst(authority.count) + query
  }

  /// The name of a parameter; nothing of one that has no value, or whose name is not a word.
  private static func redacted(parameter: Substring) -> String {
    let name = parameter.prefix { $0 != "=" }
    let isWord = name.utf8.count <= 40 && name.utf8.allSatisfy { isTokenByte($0) || "[]".utf8.contains($0) }
    return name.count < parameter.count && isWord ? name + "=…" : "…"
  }

  /// A URL, or what follows one, taken apart; the fragment, which no server gets, is left out.
  private struct Parts {
    /// All before the parameters.
    let path: Substring
    /// The parameters without the question mark.
    let query: Substring

    init(_ url: String) {
      let sent = url.prefix { $0 != "#" }
      path = sent.prefix { $0 != "?" }
      query = sent.dropFirst(path.count + 1)
    }
  }

  private static func authority(of url: String) -> String {
    guard let separator = url.firstRange(of: "://") else { return "" }
    return String(host(of: url[separator.upperBound...].prefix { !"/?#".contains($0) }))
  }

  private static func host(of authority: Substring) -> Substring {
    authority.lastIndex(of: "@").map { authority[authority.index(after: $0)...] } ?? authority
  }

  private static func isTokenByte(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
    default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
    }
  }
}

/// The response.
package struct HTTPResponse: Sendable {
  /// The status code.
  package let status: Int
  /// The whole body, decompressed.
  package let body: [UInt8]
  /// Where a 3xx answer points to: redirects are reported, never followed.
  package let location: String?
  /// How long to wait before the next request, as the server's `Retry-After` says; nil when it does not.
  package let retryAfter: Duration?

  /// Whether the status says success.
  package var isSuccess: Bool { (200..<300).contains(status) }

  /// An error status in one line, for an error's text; `detail` is the body's message, where its format is known.
  package func problem(_ detail: String? = nil) -> String {
    if let location, (300..<400).contains(status) {
      return "HTTP \(status): moved to \(HTTPRequest.redacted(location)); redirects are not followed, change the URL"
    }
    let detail = detail ?? excerpt
    return detail.isEmpty ? "HTTP \(status)" : "HTTP \(status): \(detail)"
  }

  /// The beginning of the body as one line, for an error's text; of a web page its words.
  package var excerpt: String {
    let beginning = String(decoding: body.prefix(600), as: UTF8.self)
    let isPage = beginning.lowercased().contains("<html")
    let text = isPage ? Self.withoutTags(beginning) : beginning
    let words = text.split { $0.isWhitespace || $0.isNewline }.joined(separator: " ")
    let printable = String(words.unicodeScalars.filter { $0.value >= 0x20 && $0.value != 0x7F })
    let shown = printable.count > 200 ? printable.prefix(200) + "…" : printable
    return isPage ? "a web page: \(shown)" : shown
  }

  private static func withoutTags(_ page: String) -> String {
    var isInTag = false
    return String(
      page.map { character -> Character in
        defer { if character == ">" { isInTag = false } }
        if character == "<" { isInTag = true }
        return isInTag ? " " : character
      })
  }
}
