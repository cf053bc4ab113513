import CNghttp2

/// How the ends of a call that are not a `grpc-status` translate into one, as gRPC's specification of HTTP/2 wants it.
extension GRPCStatus {
  /// A status from the texts of `grpc-status` and `grpc-message`; an undefined code is treated as UNKNOWN.
  init(code: String, percentEncodedMessage: String) {
    let message = Self.decode(percentEncodedMessage)
    if let number = Int(code), let code = Code(rawValue: number) {
      self.init(code, message)
    } else {
      self.init(.unknown, "the server returned the unknown status '\(code.prefix(20))' \(message)")
    }
  }

  /// The status of an answer that came from something other than a gRPC server, a proxy perhaps.
  init(httpStatus: Int) {
    let code: Code =
      switch httpStatus {
      case 400: .internal
      case 401: .unauthenticated
      case 403: .permissionDenied
      case 404: .unimplemented
      case 429, 502, 503, 504: .unavailable
      default: .unknown
      }
    self.init(code, "the response is HTTP status \(httpStatus), not a gRPC response")
  }

  /// The status of a call whose stream was reset.
  init(resetCode: UInt32) {
    let name = nghttp2_http2_strerror(resetCode).map { String(cString: $0) } ?? "\(resetCode)"
    let code: Code =
      switch nghttp2_error_code(resetCode) {
      case NGHTTP2_REFUSED_STREAM: .unavailable
      case NGHTTP2_CANCEL: .cancelled
      case NGHTTP2_ENHANCE_YOUR_CALM: .resourceExhausted
      case NGHTTP2_INADEQUATE_SECURITY: .permissionDenied
      default: .internal
      }
    self.init(code, "the call was aborted (\(name))")
  }

  /// Decodes a percent-encoded message; invalid escapes are kept unchanged.
  private static func decode(_ text: String) -> String {
    var decoded: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      let digits = rest.prefix(2)
      if byte == UInt8(ascii: "%"), digits.count == 2,
        let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 16)
      {
        decoded.append(value)
        rest = rest.dropFirst(2)
      } else {
        decoded.append(byte)
      }
    }
    return String(decoding: decoded, as: UTF8.self)
  }
}
