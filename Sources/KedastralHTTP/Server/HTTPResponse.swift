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
  /// The headers besides those that every answer has.
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
    case 400: "Bad Request"
    case 401: "Unauthorized"
    case 404: "Not Found"
    case 405: "Method Not Allowed"
    case 503: "Service Unavailable"
    case 504: "Gateway Timeout"
    default: "Status \(status)"
    }
  }
}
