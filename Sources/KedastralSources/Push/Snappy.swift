import CSnappy

/// Google's snappy, in its block format.
package enum Snappy {
  /// Unpacks a block.
  ///
  /// - Throws: ``PushRefusal`` with the status 400 for other bytes, and 413 when the result would have more than `limit` bytes.
  // snappy reads and writes within the given lengths; the pointers live as long as the call.
  package static func decompress(_ bytes: [UInt8], limit: Int) throws(PushRefusal) -> [UInt8] {
    let broken = PushRefusal(400, "the body is not a snappy block")
    var length = 0
    guard bytes.withUnsafeBytes({ snappy_uncompressed_length($0.text, $0.count, &length) }) == SNAPPY_OK else {
      throw broken
    }
    guard length <= limit else {
      throw PushRefusal(413, "the body has \(length) bytes after decompression, more than the limit of \(limit)")
    }
    var status = SNAPPY_INVALID_INPUT
    // One byte more, so that there is an address for an empty result.
    let plain = [UInt8](unsafeUninitializedCapacity: length + 1) { output, count in
      var written = length
      status = bytes.withUnsafeBytes {
        snappy_uncompress($0.text, $0.count, UnsafeRawBufferPointer(output).mutable, &written)
      }
      count = status == SNAPPY_OK ? min(written, length) : 0
    }
    guard status == SNAPPY_OK else { throw broken }
    return plain
  }
}

extension UnsafeRawBufferPointer {
  fileprivate var text: UnsafePointer<CChar>? { bindMemory(to: CChar.self).baseAddress }
  fileprivate var mutable: UnsafeMutablePointer<CChar>? { UnsafeMutablePointer(mutating: text) }
}
