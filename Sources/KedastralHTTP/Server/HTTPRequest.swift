/// A client's request.
package struct HTTPRequest: Sendable, Equatable {
  /// The method, in capitals.
  package var method: String
  /// The path, as it was sent.
  package var path: String
  /// What stood behind the question mark.
  package var query: QueryString
  /// The Authorization header.
  package var authorization: String?
  /// The Accept header.
  package var accept: String?
  /// The Origin header: the origin of the requesting web page.
  package var origin: String?
  /// The MCP-Protocol-Version header.
  package var protocolVersion: String?
  /// The Content-Type header.
  package var contentType: String?
  /// The Content-Encoding header.
  package var contentEncoding: String?
  /// The X-Prometheus-Remote-Write-Version header.
  package var remoteWriteVersion: String?
  /// What came behind the headers, on routes that take it.
  package var body: [UInt8] = []

  /// Creates a request from its target: `/history?workload=api`, or the same with scheme and host before it.
  package init(
    method: String, target: String, authorization: String? = nil, accept: String? = nil, origin: String? = nil,
    protocolVersion: String? = nil
  ) {
    self.origin = origin
    self.protocolVersion = protocolVersion
    self.method = method
    self.authorization = authorization
    self.accept = accept
    var rest = target[...]
    if !rest.hasPrefix("/"), let scheme = rest.range(of: "://") {
      rest = rest[scheme.upperBound...].drop { $0 != "/" }
    }
    let pathEnd = rest.firstIndex { $0 == "?" || $0 == "#" } ?? rest.endIndex
    path = String(rest[..<pathEnd])
    let behind = rest[pathEnd...]
    query = QueryString(behind.first == "?" ? behind.dropFirst().prefix { $0 != "#" } : "")
  }
}

extension Substring {
  fileprivate func range(of text: String) -> Range<Index>? {
    indices.first { self[$0...].hasPrefix(text) }.map { $0..<index($0, offsetBy: text.count) }
  }
}
