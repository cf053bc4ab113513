import Foundation

/// A JSON document as data, to compare what was recorded with what is there now.
indirect enum JSONDocument: Equatable, Codable {
  case null
  case bool(Bool)
  case number(Double)
  case text(String)
  case list([JSONDocument])
  case object([String: JSONDocument])

  /// Reads a document.
  init(json: Data) throws { self = try JSONDecoder().decode(JSONDocument.self, from: json) }

  /// Reads a document.
  init(json: String) throws { try self.init(json: Data(json.utf8)) }

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if container.decodeNil() {
      self = .null
    } else if let value = try? container.decode(Bool.self) {
      self = .bool(value)
    } else if let value = try? container.decode(Double.self) {
      self = .number(value)
    } else if let value = try? container.decode(String.self) {
      self = .text(value)
    } else if let value = try? container.decode([JSONDocument].self) {
      self = .list(value)
    } else {
      self = .object(try container.decode([String: JSONDocument].self))
    }
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .null: try container.encodeNil()
    case .bool(let value): try container.encode(value)
    case .number(let value): try container.encode(value)
    case .text(let value): try container.encode(value)
    case .list(let values): try container.encode(values)
    case .object(let members): try container.encode(members)
    }
  }

  /// As JSON text with sorted keys.
  func data(isPretty: Bool = false) throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = isPretty ? [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted] : [.sortedKeys]
    return try encoder.encode(self)
  }

  /// A member of an object; nil when this is not an object or has no such member.
  subscript(name: String) -> JSONDocument? {
    if case .object(let members) = self { members[name] } else { nil }
  }

  /// Without some members of an object, such as those that hold prose.
  func without(_ names: String...) -> JSONDocument {
    guard case .object(let members) = self else { return self }
    return .object(members.filter { !names.contains($0.key) })
  }

  /// The JSON name of the value's type.
  private var typeName: String {
    switch self {
    case .null: "null"
    case .bool: "boolean"
    case .number: "number"
    case .text: "string"
    case .list: "array"
    case .object: "object"
    }
  }

  /// The type at each path: `{"$.workload": "string", "$.values[]": "number", …}`. The elements of a list share a path.
  var shape: JSONDocument {
    var types: [String: Set<String>] = [:]
    func visit(_ value: JSONDocument, _ path: String) {
      types[path, default: []].insert(value.typeName)
      switch value {
      case .list(let values): for value in values { visit(value, path + "[]") }
      case .object(let members): for (name, value) in members { visit(value, "\(path).\(name)") }
      default: break
      }
    }
    visit(self, "$")
    return .object(types.mapValues { .text($0.sorted().joined(separator: "|")) })
  }

  /// Where this document no longer says what a recorded one says. Members that the recorded one lacks are additions, not
  /// differences; numbers are equal to nine digits, since an optimiser may order a sum in another way.
  func differences(from recorded: JSONDocument, at path: String = "$") -> [String] {
    switch (recorded, self) {
    case (.object(let old), .object(let new)):
      return old.sorted { $0.key < $1.key }.flatMap { name, value in
        new[name]?.differences(from: value, at: "\(path).\(name)") ?? ["\(path).\(name) is missing"]
      }
    case (.list(let old), .list(let new)):
      guard old.count == new.count else { return ["\(path) has \(new.count) entries, recorded were \(old.count)"] }
      return zip(old, new).enumerated().flatMap { $1.1.differences(from: $1.0, at: "\(path)[\($0)]") }
    case (.number(let old), .number(let new)):
      if abs(old - new) <= 1e-9 * max(1, abs(old)) { return [] }
      return ["\(path) is \(new), recorded was \(old)"]
    default:
      if recorded == self { return [] }
      return ["\(path) is \(brief), recorded was \(recorded.brief)"]
    }
  }

  private var brief: String {
    switch self {
    case .text(let value): "'\(value.prefix(80))'"
    case .bool(let value): "\(value)"
    case .number(let value): "\(value)"
    default: typeName
    }
  }
}

extension JSONDocument: ExpressibleByStringLiteral, ExpressibleByDictionaryLiteral {
  init(stringLiteral value: String) { self = .text(value) }

  init(dictionaryLiteral elements: (String, JSONDocument)...) {
    self = .object(Dictionary(elements) { first, _ in first })
  }
}
