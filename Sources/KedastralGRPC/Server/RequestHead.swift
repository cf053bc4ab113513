/// What a request's headers say about its content.
struct RequestHead {
  /// The method at the path; nil when there is none.
  var entry: GRPCRegistry.Entry?
  /// The path, when no method is there.
  var path: String?
  var isPost = false
  var isGRPC = false
  var encoding = GRPCEncoding.identity
  var timeout: Duration?
  var malformedTimeout: String?

  /// Whether a content type is `application/grpc`, with or without `+proto` and parameters.
  static func isGRPC(contentType: RawSpan) -> Bool {
    let base: StaticString = "application/grpc"
    guard contentType.hasPrefix(base) else { return false }
    let rest = contentType.extracting(base.utf8CodeUnitCount..<contentType.byteCount)
    return rest.byteCount == 0 || rest.byte(at: 0) == UInt8(ascii: ";") || rest.isEqual(to: "+proto")
      || rest.hasPrefix("+proto;")
  }
}

extension GRPCCall {
  /// Takes over a field of the request's headers.
  // Each value is made first and stored then: a field that takes long to store would be guarded against others meanwhile, at
  // a price that shows.
  func receive(header name: RawSpan, _ value: RawSpan, _ registry: GRPCRegistry) {
    switch name.byteCount {
    case 5 where name.isEqual(to: ":path"):
      head.entry = registry.find(value)
      if head.entry == nil { head.path = String(value.text.prefix(200)) }
    case 7 where name.isEqual(to: ":method"): head.isPost = value.isEqual(to: "POST")
    case 12 where name.isEqual(to: "content-type"): head.isGRPC = RequestHead.isGRPC(contentType: value)
    case 12 where name.isEqual(to: "grpc-timeout"):
      head.timeout = GRPCTimeout.parse(value)
      if head.timeout == nil { head.malformedTimeout = value.text }
    case 13 where name.isEqual(to: "grpc-encoding"): head.encoding = GRPCEncoding(value)
    default: break
    }
  }
}
