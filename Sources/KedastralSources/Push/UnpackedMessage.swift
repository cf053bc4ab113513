import CExternalScaler
import Glibc

/// What the readers of pushed messages share.
enum UnpackedMessage {
  /// What an unpacked message may need: an empty submessage has two bytes on the wire and more than a hundred in memory.
  private static func budget(for length: Int) -> Int { (1 << 20) + length * 32 }

  /// Unpacks a message for as long as `body` runs.
  ///
  /// - Throws: ``PushRefusal`` with the status 400 for bytes that are not the message, and 413 when it needs too much memory; what
  ///   `body` throws.
  // protobuf-c's allocations are malloc's, counted. The message, the counter and the bytes live as long as this call.
  static func read<Message>(
    _ bytes: [UInt8], as name: String,
    unpack: (UnsafeMutablePointer<ProtobufCAllocator>, Int, UnsafePointer<UInt8>?) -> UnsafeMutablePointer<Message>?,
    free release: (UnsafeMutablePointer<Message>, UnsafeMutablePointer<ProtobufCAllocator>) -> Void,
    body: (Message) throws(PushRefusal) -> Void
  ) throws(PushRefusal) {
    var left = budget(for: bytes.count)
    let result = withUnsafeMutablePointer(to: &left) { left -> Result<Void, PushRefusal> in
      var allocator = ProtobufCAllocator(
        alloc: { context, size in
          guard let left = context?.assumingMemoryBound(to: Int.self) else { return nil }
          left.pointee -= size
          return left.pointee >= 0 ? malloc(size) : nil
        }, free: { _, pointer in Glibc.free(pointer) }, allocator_data: UnsafeMutableRawPointer(left))
      let message = bytes.withUnsafeBufferPointer { unpack(&allocator, $0.count, $0.baseAddress) }
      guard let message else {
        return .failure(
          left.pointee < 0
            ? PushRefusal(413, "the \(name) has too many small parts; send smaller batches")
            : PushRefusal(400, "the body is not a protobuf message of type \(name)"))
      }
      defer { release(message, &allocator) }
      do throws(PushRefusal) {
        try body(message.pointee)
        return .success(())
      } catch { return .failure(error) }
    }
    try result.get()
  }

  /// A copied text; protobuf's strings are UTF-8, which protobuf-c does not check.
  static func text(_ pointer: UnsafePointer<CChar>?) throws(PushRefusal) -> String {
    guard let pointer else { return "" }
    guard let text = String(validatingCString: pointer) else {
      throw PushRefusal(400, "a text of the request is not UTF-8")
    }
    return text
  }

  /// The bytes that `pack` writes, exactly `size`.
  // The pointer has the room that is asked for, and lives as long as the call.
  static func packed(_ size: Int, _ pack: (UnsafeMutablePointer<UInt8>) -> Int) -> [UInt8] {
    guard size > 0 else { return [] }
    return [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
      if let base = buffer.baseAddress { count = pack(base) }
    }
  }
}
