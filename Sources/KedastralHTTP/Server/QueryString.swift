/// The part of an address behind the question mark, decoded: `workload=api&points=60`.
package struct QueryString: Sendable, Equatable {
  private let parameters: [String: String]

  /// Decodes a query; of a name that comes twice the first value counts.
  package init(_ text: Substring) {
    var parameters: [String: String] = [:]
    for part in text.split(separator: "&") {
      let halves = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let name = Self.decode(halves[0])
      if parameters[name] == nil { parameters[name] = halves.count > 1 ? Self.decode(halves[1]) : "" }
    }
    self.parameters = parameters
  }

  /// The value of a parameter, or nil when it is not there.
  package subscript(name: String) -> String? { parameters[name] }

  /// Decodes percent encoding and `+` for a space; invalid encodings are kept unchanged.
  private static func decode(_ text: Substring) -> String {
    var bytes: [UInt8] = []
    var rest = text.utf8[...]
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "%"), let code = UInt8(hex: rest.prefix(2)) {
        bytes.append(code)
        rest = rest.dropFirst(2)
      } else {
        bytes.append(byte == UInt8(ascii: "+") ? UInt8(ascii: " ") : byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}

extension UInt8 {
  /// Reads exactly two hexadecimal digits.
  fileprivate init?(hex digits: Substring.UTF8View.SubSequence) {
    guard digits.count == 2 else { return nil }
    var value: UInt8 = 0
    for digit in digits {
      switch digit {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value << 4 | (digit - UInt8(ascii: "0"))
      case UInt8(ascii: "a")...UInt8(ascii: "f"): value = value << 4 | (digit - UInt8(ascii: "a") + 10)
      case UInt8(ascii: "A")...UInt8(ascii: "F"): value = value << 4 | (digit - UInt8(ascii: "A") + 10)
      default: return nil
      }
    }
    self = value
  }
}
