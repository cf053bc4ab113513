/// A request's line and headers, as received on a connection (RFC 9112).
struct HTTPRequestHead: Equatable {
  /// The request target.
  var request: HTTPRequest
  /// Whether the connection stays open after the response, according to the client's headers.
  var isPersistent: Bool
  /// Whether a body follows that has not been read: then the connection ends behind the answer.
  var hasBody: Bool
  /// How long the body is, when that is said beforehand.
  var bodyLength: Int?
  /// Whether the body comes in chunks.
  var isChunked = false
  /// Whether the client understands chunks.
  var takesChunks: Bool

  /// What the bytes received so far are.
  enum Finding: Equatable {
    /// The beginning of a request.
    case incomplete
    /// A request, and how many bytes it took.
    case complete(HTTPRequestHead, length: Int)
    /// Nothing that can be answered but by a refusal.
    case refused(status: Int, problem: String)
  }

  /// Looks at all bytes received and not consumed yet.
  static func find(in bytes: UnsafeRawBufferPointer, limit: Int) -> Finding {
    // Empty lines before a request are a habit of old clients.
    let start = bytes.firstIndex { $0 != UInt8(ascii: "\r") && $0 != UInt8(ascii: "\n") } ?? bytes.endIndex
    guard let length = length(of: bytes[start...].prefix(limit + 1)), length <= limit else {
      guard bytes.count - start > limit || start > limit else { return .incomplete }
      return .refused(status: 431, problem: "the request's headers are over the limit of \(limit) bytes")
    }
    do throws(Refusal) {
      let text = String(decoding: bytes[start..<start + length], as: UTF8.self)
      return .complete(try parse(text), length: start + length)
    } catch {
      return .refused(status: error.status, problem: error.problem)
    }
  }

  /// The same with its body, once that has come; `headLength` bytes lie before it.
  func withBody(in bytes: UnsafeRawBufferPointer, headLength: Int, limit: Int) -> Finding {
    guard hasBody else { return .complete(self, length: headLength) }
    if isChunked { return withChunks(in: bytes, headLength: headLength, limit: limit) }
    guard let bodyLength else {
      return .refused(
        status: 411, problem: "a body requires the header Content-Length, or the transfer encoding chunked")
    }
    guard bodyLength <= limit else {
      return .refused(status: 413, problem: "the body has \(bodyLength) bytes, more than the limit of \(limit)")
    }
    guard bytes.count >= headLength + bodyLength else { return .incomplete }
    return complete(Array(bytes[headLength..<headLength + bodyLength]), length: headLength + bodyLength)
  }

  private func withChunks(in bytes: UnsafeRawBufferPointer, headLength: Int, limit: Int) -> Finding {
    switch ChunkedBody.find(in: bytes[headLength...], limit: limit) {
    case .incomplete: .incomplete
    case .complete(let body, let length): complete(body, length: headLength + length)
    case .tooLong: .refused(status: 413, problem: "the body has more bytes than the limit of \(limit)")
    case .malformed: .refused(status: 400, problem: "the body is not a valid sequence of chunks")
    }
  }

  private func complete(_ body: [UInt8], length: Int) -> Finding {
    var complete = self
    complete.hasBody = false
    complete.request.body = body
    return .complete(complete, length: length)
  }

  private struct Refusal: Error {
    var status = 400
    var problem: String
  }

  /// How many bytes there are up to the first empty line and with it.
  private static func length(of bytes: Slice<UnsafeRawBufferPointer>) -> Int? {
    var lineStart = bytes.startIndex
    while let end = bytes[lineStart...].firstIndex(of: UInt8(ascii: "\n")) {
      let line = bytes[lineStart..<end]
      if line.isEmpty || line.elementsEqual([UInt8(ascii: "\r")]) { return end + 1 - bytes.startIndex }
      lineStart = end + 1
    }
    return nil
  }

  private static func parse(_ text: String) throws(Refusal) -> HTTPRequestHead {
    // To Swift, CR LF is one character.
    let lines = text.split { $0 == "\r\n" || $0 == "\n" }
    let words = (lines.first ?? "").split(separator: " ", omittingEmptySubsequences: false)
    guard words.count == 3, words[2].hasPrefix("HTTP/"), words[0].utf8.allSatisfy(isTokenByte), !words[0].isEmpty,
      !words[1].isEmpty, words[1].utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F })
    else { throw Refusal(problem: "the first line is not a valid request; expected 'GET /path HTTP/1.1'") }
    guard ["HTTP/1.1", "HTTP/1.0"].contains(words[2]) else {
      throw Refusal(status: 505, problem: "this server supports HTTP/1.1, not \(words[2].prefix(20))")
    }
    let headers = try Headers(lines.dropFirst())
    let isModern = words[2] == "HTTP/1.1"
    // A server before this one might see another end of the body.
    guard !headers.isChunked || headers.bodyLength == nil else {
      throw Refusal(problem: "Content-Length and Transfer-Encoding are given together")
    }
    guard !isModern || headers.hasHost else { throw Refusal(problem: "the header Host is missing") }
    var request = HTTPRequest(
      method: String(words[0]), target: String(words[1]), authorization: headers.authorization,
      accept: headers.accept, origin: headers.origin, protocolVersion: headers.protocolVersion)
    request.contentType = headers.contentType
    request.contentEncoding = headers.contentEncoding
    request.remoteWriteVersion = headers.remoteWriteVersion
    return HTTPRequestHead(
      request: request, isPersistent: isModern && !headers.closes, hasBody: headers.hasBody,
      bodyLength: headers.bodyLength, isChunked: headers.isChunked, takesChunks: isModern)
  }

  /// The headers that matter here.
  private struct Headers {
    var hasHost = false
    var closes = false
    var hasBody = false
    var authorization: String?
    var accept: String?
    var origin: String?
    var protocolVersion: String?
    var contentType: String?
    var contentEncoding: String?
    var remoteWriteVersion: String?
    var bodyLength: Int?
    var isChunked = false

    init(_ lines: ArraySlice<Substring>) throws(Refusal) {
      for line in lines {
        let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty, parts[0].utf8.allSatisfy(isTokenByte) else {
          throw Refusal(problem: "a header line has no name before a colon")
        }
        let value = parts[1].drop { $0 == " " || $0 == "\t" }
        switch parts[0].lowercased() {
        case "host": hasHost = true
        case "authorization": authorization = String(value)
        case "accept": accept = String(value)
        case "origin": origin = String(value)
        case "mcp-protocol-version": protocolVersion = String(value)
        case "content-type": contentType = String(value)
        case "content-encoding": contentEncoding = String(value.trimmingSuffix { $0 == " " })
        case "x-prometheus-remote-write-version": remoteWriteVersion = String(value)
        case "connection": closes = closes || value.lowercased().contains("close")
        case "transfer-encoding":
          hasBody = true
          isChunked = value.trimmingSuffix { $0 == " " }.lowercased() == "chunked"
        case "content-length":
          guard let length = UInt64(value.trimmingSuffix { $0 == " " }) else {
            throw Refusal(problem: "Content-Length is not a number")
          }
          hasBody = hasBody || length > 0
          bodyLength = Int(clamping: length)
        default: break
        }
      }
    }
  }

  /// Whether a byte may stand in a method or a header's name.
  private static func isTokenByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
    }
  }
}

extension Substring {
  fileprivate func trimmingSuffix(while isTrimmed: (Character) -> Bool) -> Substring {
    var rest = self
    while let last = rest.last, isTrimmed(last) { rest.removeLast() }
    return rest
  }
}
