import CZlib

/// How the messages of a call may be compressed: the `grpc-encoding` header.
enum GRPCEncoding: Equatable {
  case identity
  case gzip
  case unknown(String)

  /// Reads the header's value.
  init(_ value: RawSpan) {
    if value.isEqual(to: "identity") {
      self = .identity
    } else if value.isEqual(to: "gzip") {
      self = .gzip
    } else {
      self = .unknown(String(value.text.prefix(40)))
    }
  }
}

/// Unpacks what a client has compressed with gzip.
package enum Gzip {
  /// Unpacks one message.
  ///
  /// - Throws: INVALID_ARGUMENT for bytes that are not gzip, RESOURCE_EXHAUSTED once the result passes `maximumLength`.
  // zlib sees pointers into `packed` and `plain` during one call each, with their true lengths.
  package static func decompress(_ packed: RawSpan, maximumLength: Int) throws(GRPCStatus) -> [UInt8] {
    var stream = z_stream()
    let gzipWindow: Int32 = 15 + 16
    guard inflateInit2_(&stream, gzipWindow, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
      throw GRPCStatus(.internal, "out of memory while decompressing a message")
    }
    defer { inflateEnd(&stream) }
    var plain: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 16 << 10)
    let code: Int32 = packed.withUnsafeBytes { input in
      stream.next_in = UnsafeMutablePointer(mutating: input.bindMemory(to: UInt8.self).baseAddress)
      stream.avail_in = UInt32(input.count)
      while plain.count <= maximumLength {
        let code = chunk.withUnsafeMutableBufferPointer { output in
          stream.next_out = output.baseAddress
          stream.avail_out = UInt32(output.count)
          return inflate(&stream, Z_NO_FLUSH)
        }
        plain += chunk.prefix(chunk.count - Int(stream.avail_out))
        if code != Z_OK { return code }
      }
      return Z_BUF_ERROR
    }
    guard plain.count <= maximumLength else { throw MessageDeframer.tooLong(plain.count, maximum: maximumLength) }
    guard code == Z_STREAM_END, stream.avail_in == 0 else {
      throw GRPCStatus(.invalidArgument, "a message is marked as compressed, but is not complete gzip data")
    }
    return plain
  }
}
