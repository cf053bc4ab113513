/// Cuts a call's request bytes into messages: each has a flag (compressed or not) and its length, four bytes big-endian, in front.
struct MessageDeframer {
  /// One message in ``bytes``.
  struct Message: Equatable {
    /// Whether it was compressed by the call's `grpc-encoding`.
    var isCompressed: Bool
    /// Where it is.
    var range: Range<Int>
  }

  static let prefixLength = 5

  /// What was received; ranges of messages refer to it until the next ``append(_:)``.
  private(set) var bytes: [UInt8]
  private var consumed = 0
  private let maximumLength: Int

  /// Creates a deframer that refuses messages over `maximumLength` bytes, and reuses a buffer's storage.
  init(maximumLength: Int, buffer: [UInt8] = []) {
    self.maximumLength = maximumLength
    bytes = buffer
  }

  /// How many bytes wait for the rest of their message.
  var pendingCount: Int { bytes.count - consumed }

  /// Takes bytes over.
  ///
  /// - Throws: RESOURCE_EXHAUSTED as soon as a message announces itself as too long, INTERNAL for an unknown flag.
  mutating func append(_ more: RawSpan) throws(GRPCStatus) {
    if consumed == bytes.count {
      bytes.removeAll(keepingCapacity: true)
      consumed = 0
    }
    // The pointer stays in the closure; the array copies from it.
    more.withUnsafeBytes { bytes.append(contentsOf: $0) }
    _ = try peek()
  }

  /// The next whole message, if it has arrived.
  mutating func next() throws(GRPCStatus) -> Message? {
    guard let message = try peek(), message.range.upperBound <= bytes.count else { return nil }
    consumed = message.range.upperBound
    return message
  }

  /// Gives the buffer back, empty, for another call to use.
  mutating func takeBuffer() -> [UInt8] {
    var buffer: [UInt8] = []
    swap(&buffer, &bytes)
    buffer.removeAll(keepingCapacity: true)
    consumed = 0
    return buffer
  }

  private func peek() throws(GRPCStatus) -> Message? {
    guard pendingCount >= Self.prefixLength else { return nil }
    let flag = bytes[consumed]
    guard flag <= 1 else { throw GRPCStatus(.internal, "a message begins with flag \(flag); expected 0 or 1") }
    let length =
      Int(bytes[consumed + 1]) << 24 | Int(bytes[consumed + 2]) << 16 | Int(bytes[consumed + 3]) << 8
      | Int(bytes[consumed + 4])
    guard length <= maximumLength else { throw Self.tooLong(length, maximum: maximumLength) }
    let start = consumed + Self.prefixLength
    return Message(isCompressed: flag == 1, range: start..<start + length)
  }

  static func tooLong(_ length: Int, maximum: Int) -> GRPCStatus {
    GRPCStatus(.resourceExhausted, "a message of \(length) bytes is over the limit of \(maximum)")
  }
}
