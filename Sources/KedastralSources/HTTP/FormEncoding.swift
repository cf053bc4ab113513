/// `application/x-www-form-urlencoded`, the form in which browsers send form fields, and which URLs have after the `?`.
package enum FormEncoding {
  /// Encodes fields in their order.
  package static func encode(_ fields: [(name: String, value: String)]) -> [UInt8] {
    var bytes: [UInt8] = []
    for (name, value) in fields {
      if !bytes.isEmpty { bytes.append(0x26) }
      append(name, to: &bytes)
      bytes.append(0x3D)
      append(value, to: &bytes)
    }
    return bytes
  }

  /// The text with everything but letters, digits and `-._~` percent-encoded, as in a part of a URL's path.
  package static func encoded(_ text: String) -> String {
    var bytes: [UInt8] = []
    append(text, to: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func append(_ text: String, to bytes: inout [UInt8]) {
    let digits = Array("0123456789ABCDEF".utf8)
    for byte in text.utf8 {
      switch byte {
      case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E: bytes.append(byte)
      default: bytes += [0x25, digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      }
    }
  }
}
