/// The 24 bytes that every HTTP/2 client sends first (RFC 9113, section 3.4), and what to tell those who send others.
enum ClientPreface {
  /// What the first bytes of a connection are.
  enum Finding: Equatable {
    /// The preface.
    case right
    /// Its beginning.
    case incomplete
    /// Something else, with the text to answer.
    case wrong(answer: String)
  }

  /// Looks at all bytes received so far.
  static func check(_ bytes: RawSpan) -> Finding {
    let preface: StaticString = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    if bytes.hasPrefix(preface) { return .right }
    let text = Array("\(preface)".utf8)
    for index in 0..<min(bytes.byteCount, text.count) where bytes.byte(at: index) != text[index] {
      return .wrong(answer: looksLikeHTTP1(bytes) ? http1Answer : "")
    }
    return .incomplete
  }

  /// A method in capital letters and a space.
  private static func looksLikeHTTP1(_ bytes: RawSpan) -> Bool {
    for index in 0..<min(bytes.byteCount, 10) {
      switch bytes.byte(at: index) {
      case UInt8(ascii: "A")...UInt8(ascii: "Z"): continue
      case UInt8(ascii: " "): return index > 0
      default: return false
      }
    }
    return false
  }

  private static let http1Answer: String = {
    let text = "This port accepts only gRPC over HTTP/2.\n"
    return """
      HTTP/1.1 505 HTTP Version Not Supported\r
      content-type: text/plain\r
      content-length: \(text.utf8.count)\r
      connection: close\r
      \r
      \(text)
      """
  }()
}

/// The first bytes that a server sends: HTTP/2 begins with a SETTINGS frame (RFC 9113, section 3.4).
enum ServerGreeting {
  /// What the first bytes of a connection are.
  enum Finding: Equatable {
    /// A SETTINGS frame's beginning.
    case right
    /// Too little to tell.
    case incomplete
    /// Something else, described for the person who gave the address.
    case wrong(String)
  }

  /// Looks at all bytes received so far.
  static func check(_ bytes: RawSpan) -> Finding {
    if bytes.byteCount >= 2, bytes.byte(at: 0) == 0x15, bytes.byte(at: 1) == 3 {
      return .wrong("this is not a plain-text gRPC server: it responded with a TLS alert, so it requires TLS")
    }
    let typeOffset = 3
    let settingsType: UInt8 = 4
    guard bytes.byteCount > typeOffset else { return .incomplete }
    if bytes.byte(at: typeOffset) == settingsType { return .right }
    return .wrong(
      "this is not a gRPC server: it responded with \(bytes.hasPrefix("HTTP/") ? "HTTP/1: " : "")"
        + "'\(firstLine(of: bytes))'")
  }

  /// The text up to the first byte that is not printable ASCII.
  private static func firstLine(of bytes: RawSpan) -> String {
    var line = ""
    for index in 0..<min(bytes.byteCount, 60) {
      let byte = bytes.byte(at: index)
      guard (0x20...0x7E).contains(byte) else { break }
      line.unicodeScalars.append(Unicode.Scalar(byte))
    }
    return line
  }
}
