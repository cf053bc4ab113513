/// A JSON value as a tree, for responses whose structure the user defines.
package enum JSONValue: Equatable, Sendable {
  case null
  case bool(Bool)
  case number(Double)
  case string(String)
  case array([JSONValue])
  case object([String: JSONValue])

  /// Parses a whole text.
  ///
  /// - Throws: JSONScanner.Defect when it is not valid JSON.
  package init(_ bytes: [UInt8]) throws {
    var scanner = JSONScanner(bytes)
    self = try Self.value(&scanner)
    try scanner.finish()
  }

  /// The member of an object; null when there is none.
  package subscript(key: String) -> JSONValue {
    if case .object(let members) = self { members[key] ?? .null } else { .null }
  }

  /// The number that this is, also in quotes; NaN for null; nil for anything else.
  package var number: Double? {
    switch self {
    case .null: .nan
    case .number(let value): value
    case .string(let text): Double(text)
    default: nil
    }
  }

  /// The text, if it is one.
  package var text: String? { if case .string(let text) = self { text } else { nil } }

  /// The elements, if it is an array.
  package var elements: [JSONValue]? { if case .array(let elements) = self { elements } else { nil } }

  private static func value(_ scanner: inout JSONScanner) throws -> JSONValue {
    switch scanner.peek() {
    case 0x7B:
      var members: [String: JSONValue] = [:]
      try scanner.object { scanner, key in members[key] = try value(&scanner) }
      return .object(members)
    case 0x5B:
      var elements: [JSONValue] = []
      try scanner.array { elements.append(try value(&$0)) }
      return .array(elements)
    case 0x22: return .string(try scanner.string())
    case 0x74:
      try scanner.word("true")
      return .bool(true)
    case 0x66:
      try scanner.word("false")
      return .bool(false)
    case 0x6E:
      try scanner.word("null")
      return .null
    default: return .number(try scanner.number())
    }
  }
}
