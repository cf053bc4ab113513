/// One request: an endpoint, and what is asked of it.
public struct HTTPRequest: Sendable {
  /// The method in capitals.
  public var method: String
  /// Whom to ask, as whom, within which bounds.
  public var endpoint: HTTPEndpoint
  /// What follows the endpoint's URL: a path with a leading slash, and a query; or nothing.
  public var path: String
  /// Headers besides the endpoint's.
  public var headers: [HTTPHeader]
  /// The body, or nil for none.
  public var body: [UInt8]?
  /// Whether the server may compress the answer: worth it for long answers alone.
  public var acceptsCompression: Bool

  /// Creates a request.
  public init(
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

  /// The whole URL.
  var url: String {
    // One slash where the two meet; a slash at the end of an URL without a path is the server's business.
    endpoint.url.hasSuffix("/") && path.hasPrefix("/") ? endpoint.url + path.dropFirst() : endpoint.url + path
  }

  /// The request in a few words, without secrets: `POST http://prometheus:9090/api/v1/query_range`.
  var displayName: String { "\(method) \(Self.redacted(url))" }

  /// Scheme, host and port: requests that share one share connections and their limit.
  var origin: String {
    let scheme = url.prefix { $0 != ":" }
    return scheme.lowercased() + "://" + Self.authority(of: url)
  }

  /// What makes the request impossible to send, or nil.
  var defect: String? {
    let lowercased = url.lowercased()
    guard lowercased.hasPrefix("http://") || lowercased.hasPrefix("https://") else {
      return "the URL must begin with http:// or https://"
    }
    guard !Self.authority(of: url).isEmpty else { return "the URL names no host" }
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

  /// A URL without what may be secret: user, password, query and fragment.
  static func redacted(_ url: String) -> String {
    let path = url.prefix { $0 != "?" && $0 != "#" }
    guard let separator = path.firstRange(of: "://") else { return String(path) }
    let rest = path[separator.upperBound...]
    let authority = rest.prefix { $0 != "/" }
    return path[..<separator.upperBound] + Self.host(of: authority) + rest.dropFirst(authority.count)
      + (path.count < url.count ? "?…" : "")
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

/// What came back.
public struct HTTPResponse: Sendable {
  /// The status code.
  public let status: Int
  /// The whole body, decompressed.
  public let body: [UInt8]
  /// Where a 3xx answer points to: redirects are reported, never followed.
  public let location: String?

  /// Whether the status says success.
  public var isSuccess: Bool { (200..<300).contains(status) }

  /// An unwelcome status in one line, for an error's text; `detail` is what the body says, where its form is known.
  public func problem(_ detail: String? = nil) -> String {
    if let location, (300..<400).contains(status) {
      return "HTTP \(status): moved to \(HTTPRequest.redacted(location)); redirects are not followed, change the URL"
    }
    let detail = detail ?? excerpt
    return detail.isEmpty ? "HTTP \(status)" : "HTTP \(status): \(detail)"
  }

  /// The beginning of the body as one line, for an error's text.
  public var excerpt: String {
    let text = String(decoding: body.prefix(300), as: UTF8.self)
    let words = text.split { $0.isWhitespace || $0.isNewline }.joined(separator: " ")
    let printable = String(words.unicodeScalars.filter { $0.value >= 0x20 && $0.value != 0x7F })
    return printable.count > 200 ? printable.prefix(200) + "…" : printable
  }
}
