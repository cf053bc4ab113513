/// Reads the bytes of a text file as text.
package enum TextBytes {
  /// The text without its byte order mark: UTF-8, or UTF-16 with a mark; nil when it is neither.
  package static func decode(_ bytes: [UInt8]) -> String? {
    switch (bytes.first, bytes.dropFirst().first) {
    case (0xFF, 0xFE): utf16(bytes) { UInt16($1) << 8 | UInt16($0) }
    case (0xFE, 0xFF): utf16(bytes) { UInt16($0) << 8 | UInt16($1) }
    default: String(validating: bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes[3...] : bytes[...], as: UTF8.self)
    }
  }

  private static func utf16(_ bytes: [UInt8], _ unit: (UInt8, UInt8) -> UInt16) -> String? {
    guard bytes.count.isMultiple(of: 2) else { return nil }
    return String(
      validating: stride(from: 2, to: bytes.count, by: 2).map { unit(bytes[$0], bytes[$0 + 1]) }, as: UTF16.self)
  }
}
