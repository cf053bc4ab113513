import Glibc

// Pointers here never leave the closure that gets them, and no read goes beyond the length that was compared first.
extension RawSpan {
  /// The byte at `offset`.
  func byte(at offset: Int) -> UInt8 { unsafeLoad(fromByteOffset: offset, as: UInt8.self) }

  /// Whether the bytes are those of `text`.
  func isEqual(to text: StaticString) -> Bool { byteCount == text.utf8CodeUnitCount && hasPrefix(text) }

  /// Whether the bytes begin with those of `text`.
  func hasPrefix(_ text: StaticString) -> Bool {
    guard byteCount >= text.utf8CodeUnitCount else { return false }
    return withUnsafeBytes { bytes in
      bytes.baseAddress.map { memcmp($0, text.utf8Start, text.utf8CodeUnitCount) == 0 } ?? true
    }
  }

  /// Whether the bytes are those of `other`.
  func isEqual(to other: [UInt8]) -> Bool {
    guard byteCount == other.count else { return false }
    return withUnsafeBytes { bytes in bytes.baseAddress.map { memcmp($0, other, other.count) == 0 } ?? true }
  }

  /// The bytes as text, with what is not UTF-8 replaced; for messages.
  var text: String { withUnsafeBytes { String(decoding: $0, as: UTF8.self) } }
}
