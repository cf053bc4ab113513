import CHiredis

/// Parses bytes from a Redis server into replies, with hiredis's reader.
///
/// Feed it bytes in pieces of any size, and take replies until there are none.
// The only file with raw pointers of hiredis: this object owns the reader, and each reply is copied and freed at once.
final class RESPReader {
  /// The bytes are not valid RESP, or contain a reply that is larger than allowed.
  struct ProtocolError: Error, CustomStringConvertible {
    let problem: String
    var description: String { "not a reply of Redis: \(problem)" }
  }

  private let reader: UnsafeMutablePointer<redisReader>
  private let functions: UnsafeMutablePointer<redisReplyObjectFunctions>
  private let elements: UnsafeMutablePointer<ElementBudget>
  private let maximumBytes: Int

  /// Creates a reader that buffers at most `maximumBytes` of an unfinished value; nil if memory is exhausted.
  init?(maximumBytes: Int) {
    guard let reader = redisReaderCreate(), let standard = reader.pointee.fn else { return nil }
    self.reader = reader
    self.maximumBytes = maximumBytes
    elements = .allocate(capacity: 1)
    elements.initialize(to: ElementBudget(maximumBytes: maximumBytes, standard: standard))
    functions = .allocate(capacity: 1)
    functions.initialize(to: standard.pointee)
    // hiredis allocates an array as soon as its length is announced, before any element has arrived.
    functions.pointee.createArray = { task, length in
      guard let budget = task?.pointee.privdata?.assumingMemoryBound(to: ElementBudget.self),
        budget.pointee.take(Int(length))
      else { return nil }
      return budget.pointee.standard.pointee.createArray?(task, length)
    }
    reader.pointee.fn = functions
    reader.pointee.privdata = UnsafeMutableRawPointer(elements)
  }

  deinit {
    redisReaderFree(reader)
    functions.deallocate()
    elements.deallocate()
  }

  /// Appends bytes.
  func feed(_ bytes: UnsafeRawBufferPointer) throws(ProtocolError) {
    guard let start = bytes.bindMemory(to: CChar.self).baseAddress else { return }
    guard redisReaderFeed(reader, start, bytes.count) == REDIS_OK else { throw readerError }
  }

  /// The next complete reply, or nil when more bytes are needed.
  func next() throws(ProtocolError) -> RESPValue? {
    var reply: UnsafeMutableRawPointer?
    guard redisReaderGetReply(reader, &reply) == REDIS_OK else { throw readerError }
    guard let reply else {
      let pending = reader.pointee.len - reader.pointee.pos
      guard pending <= maximumBytes else {
        throw ProtocolError(problem: "more than \(maximumBytes) bytes in one")
      }
      return nil
    }
    defer { freeReplyObject(reply) }
    elements.pointee.refill()
    return Self.value(reply.assumingMemoryBound(to: redisReply.self).pointee)
  }

  private var readerError: ProtocolError {
    if let length = elements.pointee.refused {
      return ProtocolError(problem: "it announces \(length) elements, more than \(elements.pointee.maximum)")
    }
    return ProtocolError(
      problem: withUnsafeBytes(of: &reader.pointee.errstr) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) })
  }

  private static func value(_ reply: redisReply) -> RESPValue {
    switch reply.type {
    case REDIS_REPLY_STRING: .bytes(Array(bytes(reply)))
    case REDIS_REPLY_STATUS: .status(String(decoding: bytes(reply), as: UTF8.self))
    case REDIS_REPLY_ERROR: .error(String(decoding: bytes(reply), as: UTF8.self))
    case REDIS_REPLY_INTEGER: .integer(Int(reply.integer))
    case REDIS_REPLY_ARRAY:
      .array((0..<reply.elements).map { index in (reply.element?[index]?.pointee).map(value) ?? .null })
    default: .null
    }
  }

  private static func bytes(_ reply: redisReply) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: reply.str, count: reply.str == nil ? 0 : reply.len)
  }
}

/// How many elements the arrays of one reply may announce in total.
///
/// The shortest element (`:1\r\n`) has four bytes, so a reply of the permitted bytes stays below this limit.
private struct ElementBudget {
  /// hiredis's own functions, which live as long as the process.
  let standard: UnsafeMutablePointer<redisReplyObjectFunctions>
  let maximum: Int
  private(set) var refused: Int?
  private var left: Int

  init(maximumBytes: Int, standard: UnsafeMutablePointer<redisReplyObjectFunctions>) {
    self.standard = standard
    maximum = maximumBytes / 4
    left = maximum
  }

  mutating func take(_ length: Int) -> Bool {
    guard length <= left else {
      refused = length
      return false
    }
    left -= length
    return true
  }

  mutating func refill() { left = maximum }
}
