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
