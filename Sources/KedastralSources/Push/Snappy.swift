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

  /// Packs bytes into a block.
  static func compress(_ bytes: [UInt8]) -> [UInt8] {
    let longest = snappy_max_compressed_length(bytes.count)
    return [UInt8](unsafeUninitializedCapacity: longest) { output, count in
      var written = longest
      // It fails only when the output is shorter than the length above.
      let status = bytes.withUnsafeBytes {
        snappy_compress($0.text, $0.count, UnsafeRawBufferPointer(output).mutable, &written)
      }
      count = status == SNAPPY_OK ? written : 0
    }
  }
}

extension UnsafeRawBufferPointer {
  fileprivate var text: UnsafePointer<CChar>? { bindMemory(to: CChar.self).baseAddress }
  fileprivate var mutable: UnsafeMutablePointer<CChar>? { UnsafeMutablePointer(mutating: text) }
}
