/// What a server answers to one call, put together from the headers, data and trailers as they arrive.
///
/// A pure value: bytes in, messages and a status out.
struct GRPCResponse {
  /// Headers beyond this, counted as HTTP/2 does (32 bytes for each field in addition to its text), fail the call.
  static let maximumHeaderBytes = 64 << 10

  private var httpStatus = 0
  private var contentType: String?
  private var encoding: GRPCEncoding?
  private var code: String?
  private var message = ""
  /// The fields that are the service's own, of headers and trailers.
  private(set) var metadata: GRPCFields = []
  private var headerBytes = 0
  private var deframer: MessageDeframer
  private let maximumLength: Int

  init(maximumLength: Int) {
    self.maximumLength = maximumLength
    deframer = MessageDeframer(maximumLength: maximumLength)
  }

  /// Takes over a field of the headers or trailers.
  ///
  /// - Throws: RESOURCE_EXHAUSTED when there are too many.
  mutating func receive(header name: RawSpan, _ value: RawSpan) throws(GRPCStatus) {
    headerBytes += name.byteCount + value.byteCount + 32
    guard headerBytes <= Self.maximumHeaderBytes else {
      throw GRPCStatus(
        .resourceExhausted, "the response's headers are over the limit of \(Self.maximumHeaderBytes) bytes")
    }
    if name.isEqual(to: ":status") {
      httpStatus = Int(value.text) ?? 0
    } else if name.isEqual(to: "content-type") {
      // Of the answer, not of its trailers, which may have been read before the first message.
      contentType = contentType ?? value.text
    } else if name.isEqual(to: "grpc-encoding") {
      encoding = encoding ?? GRPCEncoding(value)
    } else if name.isEqual(to: "grpc-status") {
      code = value.text
    } else if name.isEqual(to: "grpc-message") {
      message = value.text
    } else if !name.hasPrefix(":"), !name.hasPrefix("grpc-") {
      metadata.append((name.text, value.text))
    }
  }

  /// Takes over message bytes and hands each message that is whole to `body`.
  ///
  /// - Throws: RESOURCE_EXHAUSTED for a message over the limit, INTERNAL for bytes that are not valid messages.
  mutating func receive(data: RawSpan, _ body: ([UInt8]) -> Void) throws(GRPCStatus) {
    // The text of somebody who does not speak gRPC; the end will tell.
    guard isGRPC else { return }
    try deframer.append(data)
    while let message = try deframer.next() {
      let bytes = Array(deframer.bytes[message.range])
      body(message.isCompressed ? try unpack(bytes) : bytes)
    }
  }

  /// The status, once the server has ended its side.
  func end() -> GRPCStatus {
    if let code {
      let status = GRPCStatus(code: code, percentEncodedMessage: message)
      guard status.code == .ok, deframer.pendingCount > 0 else { return status }
      return GRPCStatus(.internal, "the response ended inside a message")
    }
    if httpStatus != 200 { return GRPCStatus(httpStatus: httpStatus) }
    guard isGRPC else {
      return GRPCStatus(
        .unknown, "the response's content type is '\(contentType?.prefix(60) ?? "")', not application/grpc")
    }
    return GRPCStatus(.internal, "the response ended without a status")
  }

  private var isGRPC: Bool { httpStatus == 200 && (contentType?.hasPrefix("application/grpc") ?? false) }

  private func unpack(_ bytes: [UInt8]) throws(GRPCStatus) -> [UInt8] {
    guard encoding == .gzip else {
      throw GRPCStatus(.internal, "a message uses a compression that the client did not offer")
    }
    do {
      return try Gzip.decompress(bytes.span.bytes, maximumLength: maximumLength)
    } catch {
      throw error.code == .resourceExhausted ? error : GRPCStatus(.internal, "a message is not valid gzip")
    }
  }
}
