#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Writes small JSON documents straight into bytes, where an encoder's detour would cost more than the answer.
///
///     var text = JSONText()
///     text.object {
///       $0.member("workload", "api-app")
///       $0.member("values") { $0.array([1, 2.5, .nan]) { $0.number($1) } }
///     }
///     // {"workload":"api-app","values":[1,2.5,null]}
package struct JSONText {
  /// What has been written.
  package private(set) var bytes: [UInt8] = []
  private var needsComma = false

  /// Begins an empty document.
  package init() {}

  /// Writes an object; `members` fills it.
  package mutating func object(_ members: (inout JSONText) -> Void) {
    open(UInt8(ascii: "{"))
    members(&self)
    close(UInt8(ascii: "}"))
  }

  /// Writes an array of one value for each element.
  package mutating func array<Elements: Sequence>(
    _ elements: Elements, _ write: (inout JSONText, Elements.Element) -> Void
  ) {
    open(UInt8(ascii: "["))
    for element in elements { write(&self, element) }
    close(UInt8(ascii: "]"))
  }

  /// Writes a member's name; `value` writes its value.
  package mutating func member(_ name: String, _ value: (inout JSONText) -> Void) {
    string(name)
    bytes.append(UInt8(ascii: ":"))
    needsComma = false
    value(&self)
  }

  /// Writes a member with a text.
  package mutating func member(_ name: String, _ value: String) { member(name) { $0.string(value) } }

  /// Writes a member with a number.
  package mutating func member(_ name: String, _ value: Double) { member(name) { $0.number(value) } }

  /// Writes a member with true or false.
  package mutating func member(_ name: String, _ value: Bool) { member(name) { $0.raw(value ? "true" : "false") } }

  /// Writes a number; null for one that is missing or that JSON does not have.
  package mutating func number(_ value: Double?) {
    guard let value, value.isFinite else { return raw("null") }
    raw(value.shortText)
  }

  /// Writes a text.
  package mutating func string(_ text: String) {
    separate()
    bytes.append(UInt8(ascii: "\""))
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
      case UInt8(ascii: "\n"): bytes += "\\n".utf8
      case 0..<0x20, 0x7F: bytes += ("\\u00" + (byte < 16 ? "0" : "") + String(byte, radix: 16)).utf8
      default: bytes.append(byte)
      }
    }
    bytes.append(UInt8(ascii: "\""))
  }

  /// Writes a value that is JSON already.
  package mutating func json(_ document: [UInt8]) {
    separate()
    bytes += document
  }

  private mutating func raw(_ text: String) {
    separate()
    bytes += text.utf8
  }

  private mutating func separate() {
    if needsComma { bytes.append(UInt8(ascii: ",")) }
    needsComma = true
  }

  private mutating func open(_ bracket: UInt8) {
    separate()
    bytes.append(bracket)
    needsComma = false
  }

  private mutating func close(_ bracket: UInt8) {
    bytes.append(bracket)
    needsComma = true
  }
}

extension Double {
  /// The shortest text that reads back as this number, without a fraction where there is none.
  package var shortText: String {
    self == rounded(.towardZero) && magnitude < 1e15 ? String(Int(self)) : description
  }
}

extension Date {
  /// Milliseconds since 1970, as the page's documents have instants.
  var milliseconds: Double { (timeIntervalSince1970 * 1000).rounded() }
}
