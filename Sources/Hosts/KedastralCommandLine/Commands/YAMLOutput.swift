import KedastralHTTP
import KedastralSources

/// A JSON document as YAML, with keys in alphabetical order.
enum YAMLOutput {
  /// - Throws: JSONScanner.Defect when the text is not JSON.
  static func text(of json: String) throws -> String {
    var lines: [String] = []
    append(try JSONValue(Array(json.utf8)), to: &lines, indent: "", after: "")
    return lines.joined(separator: "\n")
  }

  /// Appends a value; `lead` is what stands before it on its first line, such as `name:`.
  private static func append(_ value: JSONValue, to lines: inout [String], indent: String, after lead: String) {
    let inner = lead.isEmpty ? indent : indent + "  "
    switch value {
    case .object(let members) where !members.isEmpty:
      if !lead.isEmpty { lines.append(indent + lead) }
      for (key, member) in members.sorted(by: { $0.key < $1.key }) {
        append(member, to: &lines, indent: inner, after: plain(key) + ":")
      }
    case .array(let elements) where elements.contains(where: isStructured):
      if !lead.isEmpty { lines.append(indent + lead) }
      for element in elements {
        var nested: [String] = []
        append(element, to: &nested, indent: "", after: "")
        for (index, line) in nested.enumerated() { lines.append(inner + (index == 0 ? "- " : "  ") + line) }
      }
    case .array(let elements):
      lines.append(indent + joined(lead, "[" + elements.map(scalar).joined(separator: ", ") + "]"))
    default: lines.append(indent + joined(lead, scalar(value)))
    }
  }

  private static func joined(_ lead: String, _ text: String) -> String { lead.isEmpty ? text : "\(lead) \(text)" }

  private static func isStructured(_ value: JSONValue) -> Bool {
    switch value {
    case .object, .array: true
    default: false
    }
  }

  /// A key without quotes where it may stand so.
  private static func plain(_ key: String) -> String {
    let isWord = key.first?.isLetter == true && key.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber) }
    return isWord && !["y", "n", "yes", "no", "on", "off", "true", "false", "null"].contains(key.lowercased())
      ? key : quoted(key)
  }

  /// A value on one line: JSON's scalars are YAML's.
  private static func scalar(_ value: JSONValue) -> String {
    switch value {
    case .null: "null"
    case .bool(let flag): flag ? "true" : "false"
    case .number(let number): written { $0.number(number) }
    case .string(let text): quoted(text)
    case .array: "[]"
    case .object: "{}"
    }
  }

  private static func quoted(_ text: String) -> String { written { $0.string(text) } }

  private static func written(_ write: (inout JSONText) -> Void) -> String {
    var text = JSONText()
    write(&text)
    return String(decoding: text.bytes, as: UTF8.self)
  }
}
