/// The path of a value in a JSON response: names joined by dots, `[0]` or `.0` for an element of an array, `#` for each
/// element.
///
///     JSONPath("data.items[0].value")   // one value
///     JSONPath("data.points.#.value")   // one value of each point
///     JSONPath("values")                // an array counts as its elements
package struct JSONPath: Sendable, Equatable, CustomStringConvertible {
  /// The error for a text that is not a valid path.
  package struct ParseError: Error, Equatable, CustomStringConvertible {
    /// The text that was given.
    package let text: String
    package var description: String {
      "'\(text)' is not a JSON path; write for instance data.items[0].value, or data.points.#.value for one value of each point"
    }
  }

  private enum Part: Equatable {
    case member(String)
    case element(Int)
    case each
  }

  package let description: String
  private let parts: [Part]

  /// Parses a path.
  package init(_ text: String) throws(ParseError) {
    description = text
    // `a[0]` is `a.0`, and a leading `[0]` is `0`.
    var dotted = ""
    var rest = text[...]
    while let open = rest.firstIndex(of: "[") {
      let digits = rest[rest.index(after: open)...].prefix { $0.isASCII && $0.isNumber }
      guard !digits.isEmpty, digits.endIndex < rest.endIndex, rest[digits.endIndex] == "]" else {
        throw ParseError(text: text)
      }
      dotted += rest[..<open] + (open == text.startIndex ? "" : ".") + digits
      rest = rest[rest.index(after: digits.endIndex)...]
    }
    dotted += rest
    guard !dotted.contains("]") else { throw ParseError(text: text) }
    var parts: [Part] = []
    for name in dotted.split(separator: ".", omittingEmptySubsequences: false) {
      guard !name.isEmpty else { throw ParseError(text: text) }
      if name == "#" || name == "*" {
        parts.append(.each)
      } else if let index = Int(name), index >= 0 {
        parts.append(.element(index))
      } else {
        parts.append(.member(String(name)))
      }
    }
    self.parts = parts
  }

  /// The value at the path: nil when there is none; null where one element of many has none.
  func values(in root: JSONValue) -> [JSONValue]? {
    let found = Self.find(parts[...], in: root)
    if !parts.contains(.each), found.count == 1 {
      if case .array(let elements)? = found[0] { return elements }
      if found[0] == nil { return nil }
    }
    return found.map { $0 ?? .null }
  }

  private static func find(_ parts: ArraySlice<Part>, in value: JSONValue) -> [JSONValue?] {
    guard let part = parts.first else { return [value] }
    let rest = parts.dropFirst()
    switch (part, value) {
    case (.member(let name), .object(let members)): return members[name].map { find(rest, in: $0) } ?? [nil]
    case (.element(let index), .array(let elements)):
      return elements.indices.contains(index) ? find(rest, in: elements[index]) : [nil]
    case (.element(let index), .object(let members)): return members["\(index)"].map { find(rest, in: $0) } ?? [nil]
    case (.each, .array(let elements)): return elements.flatMap { find(rest, in: $0) }
    default: return [nil]
    }
  }
}
