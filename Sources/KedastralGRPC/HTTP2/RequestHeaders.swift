/// What gRPC reads from a request's headers.
enum RequestHeaders {
  /// Whether a content type is `application/grpc`, with or without `+proto` and parameters.
  static func isGRPC(contentType: RawSpan) -> Bool {
    let base: StaticString = "application/grpc"
    guard contentType.hasPrefix(base) else { return false }
    let rest = contentType.extracting(base.utf8CodeUnitCount..<contentType.byteCount)
    return rest.byteCount == 0 || rest.byte(at: 0) == UInt8(ascii: ";") || rest.isEqual(to: "+proto")
      || rest.hasPrefix("+proto;")
  }

  /// How messages may be compressed.
  static func encoding(_ value: RawSpan) -> GRPCCall.Encoding {
    if value.isEqual(to: "identity") { return .identity }
    if value.isEqual(to: "gzip") { return .gzip }
    return .unknown(String(value.text.prefix(40)))
  }
}
