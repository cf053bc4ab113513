/// What a client gets.
package struct HTTPResponse: Sendable, Equatable {
  /// One header line.
  package struct Header: Sendable, Equatable {
    /// The header's name.
    package var name: String
    /// The header's value.
    package var value: String
  }

  /// The status code.
  package var status: Int
  /// The headers in addition to those of every response.
  package var headers: [Header]
  /// The content.
  package var body: [UInt8]

  /// Creates a response.
  package init(status: Int = 200, type: String, body: [UInt8]) {
    self.status = status
    self.body = body
    headers = [Header(name: "Content-Type", value: type)]
  }

  /// A JSON document.
  package static func json(status: Int = 200, _ body: [UInt8]) -> HTTPResponse {
    HTTPResponse(status: status, type: "application/json", body: body)
  }

  /// A failure: `{"error":"…"}`.
  package static func failure(_ status: Int, _ problem: String) -> HTTPResponse {
    var text = JSONText()
    text.object { $0.member("error", problem) }
    return .json(status: status, text.bytes)
  }

  /// The same response with one more header.
  package func with(_ name: String, _ value: String) -> HTTPResponse {
    var changed = self
    changed.headers.append(Header(name: name, value: value))
    return changed
  }

  /// The words that go with a status code.
  package var reason: String {
    switch status {
    case 200: "OK"
    case 202: "Accepted"
    case 204: "No Content"
    case 400: "Bad Request"
    case 401: "Unauthorized"
    case 403: "Forbidden"
    case 404: "Not Found"
    case 405: "Method Not Allowed"
    case 409: "Conflict"
    case 411: "Length Required"
    case 413: "Content Too Large"
    case 415: "Unsupported Media Type"
    case 431: "Request Header Fields Too Large"
    case 503: "Service Unavailable"
    case 504: "Gateway Timeout"
    case 505: "HTTP Version Not Supported"
    default: "Status \(status)"
    }
  }

  /// The serialised response, with its length in the headers.
  ///
  /// - Parameters:
  ///   - isLast: whether the connection ends behind it.
  ///   - withBody: false for HEAD, which gets only the headers.
  func encoded(isLast: Bool, withBody: Bool = true) -> [UInt8] {
    // A response without content must not have a length (RFC 9110, 8.6).
    var lines = status == 204 ? [] : [Header(name: "Content-Length", value: "\(body.count)")]
    if isLast { lines.append(Header(name: "Connection", value: "close")) }
    return encodedHead(lines) + (withBody ? body : [])
  }

  /// The beginning of an answer whose length is not known.
  func encodedStart(inChunks: Bool) -> [UInt8] {
    encodedHead(
      [Header(name: "Connection", value: "close")]
        + (inChunks ? [Header(name: "Transfer-Encoding", value: "chunked")] : []))
  }

  private func encodedHead(_ more: [Header]) -> [UInt8] {
    var text = "HTTP/1.1 \(status) \(reason)\r\n"
    for header in headers + more { text += "\(header.name): \(header.value)\r\n" }
    text += "X-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n\r\n"
    return Array(text.utf8)
  }
}
