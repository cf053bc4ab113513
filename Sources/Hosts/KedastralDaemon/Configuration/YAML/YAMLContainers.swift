import KedastralCore

/// The keys of a mapping.
struct YAMLKeyedContainer<Key: CodingKey>: KeyedDecodingContainerProtocol {
  let entries: [YAMLNode.Entry]
  let decoder: YAMLNodeDecoder

  var codingPath: [any CodingKey] { decoder.codingPath }

  /// Asked for by types that take any key, such as dictionaries; so all are known.
  var allKeys: [Key] {
    decoder.keys.asked.formUnion(entries.map(\.key))
    return entries.compactMap { Key(stringValue: $0.key) }
  }

  private func entry(_ key: Key) -> YAMLNode.Entry? {
    decoder.keys.asked.insert(key.stringValue)
    return entries.first { $0.key == key.stringValue }
  }

  private func path(_ key: Key) -> String {
    decoder.path.isEmpty ? key.stringValue : "\(decoder.path).\(key.stringValue)"
  }

  private func node(_ key: Key) throws -> YAMLNode {
    guard let entry = entry(key) else {
      throw ConfigurationProblem(decoder.origin, "the key '\(key.stringValue)' is missing")
    }
    return entry.value
  }

  func contains(_ key: Key) -> Bool { entry(key) != nil }

  func decodeNil(forKey key: Key) throws -> Bool { entry(key)?.value.isNull ?? true }

  func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T {
    try YAMLNodeDecoder.decode(
      type, from: node(key), path: path(key), codingPath: codingPath + [key], context: decoder.context)
  }

  // The protocol has defaults for the standard library's types, which would end the reading at the first wrong value.
  func decodeIfPresent(_ type: String.Type, forKey key: Key) throws -> String? { try lenient(type, key) }
  func decodeIfPresent(_ type: Bool.Type, forKey key: Key) throws -> Bool? { try lenient(type, key) }
  func decodeIfPresent(_ type: Double.Type, forKey key: Key) throws -> Double? { try lenient(type, key) }
  func decodeIfPresent(_ type: Int.Type, forKey key: Key) throws -> Int? { try lenient(type, key) }
  func decodeIfPresent<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T? { try lenient(type, key) }

  private func lenient<T: Decodable>(_ type: T.Type, _ key: Key) throws -> T? {
    guard let entry = entry(key), !entry.value.isNull else { return nil }
    do { return try decode(type, forKey: key) } catch let problem as ConfigurationProblem {
      decoder.context.problems.add(problem)
      return nil
    }
  }

  func nestedContainer<NestedKey: CodingKey>(
    keyedBy type: NestedKey.Type, forKey key: Key
  ) throws -> KeyedDecodingContainer<NestedKey> {
    try nested(key).container(keyedBy: type)
  }

  func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
    try nested(key).unkeyedContainer()
  }

  func superDecoder() throws -> any Decoder { decoder }

  func superDecoder(forKey key: Key) throws -> any Decoder { try nested(key) }

  private func nested(_ key: Key) throws -> YAMLNodeDecoder {
    try YAMLNodeDecoder(
      node: node(key), path: path(key), codingPath: codingPath + [key], context: decoder.context)
  }
}

/// The entries of a list.
struct YAMLUnkeyedContainer: UnkeyedDecodingContainer {
  let items: [YAMLNode]
  let decoder: YAMLNodeDecoder
  var currentIndex = 0

  var codingPath: [any CodingKey] { decoder.codingPath }
  var count: Int? { items.count }
  var isAtEnd: Bool { currentIndex >= items.count }

  private mutating func next() throws -> (node: YAMLNode, path: String) {
    guard !isAtEnd else {
      throw ConfigurationProblem(decoder.origin, "has only \(items.count) entries; more are required")
    }
    defer { currentIndex += 1 }
    return (items[currentIndex], "\(decoder.path)[\(currentIndex)]")
  }

  mutating func decodeNil() throws -> Bool {
    guard !isAtEnd, items[currentIndex].isNull else { return false }
    currentIndex += 1
    return true
  }

  mutating func decode<T: Decodable>(_ type: T.Type) throws -> T {
    let (node, path) = try next()
    return try YAMLNodeDecoder.decode(
      type, from: node, path: path, codingPath: codingPath, context: decoder.context)
  }

  mutating func nestedContainer<NestedKey: CodingKey>(
    keyedBy type: NestedKey.Type
  ) throws -> KeyedDecodingContainer<NestedKey> {
    try nested().container(keyedBy: type)
  }

  mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer { try nested().unkeyedContainer() }

  mutating func superDecoder() throws -> any Decoder { try nested() }

  private mutating func nested() throws -> YAMLNodeDecoder {
    let (node, path) = try next()
    return YAMLNodeDecoder(node: node, path: path, codingPath: codingPath, context: decoder.context)
  }
}

/// A single value.
struct YAMLSingleValueContainer: SingleValueDecodingContainer {
  let decoder: YAMLNodeDecoder

  var codingPath: [any CodingKey] { decoder.codingPath }

  func decodeNil() -> Bool { decoder.node.isNull }

  func decode<T: Decodable>(_ type: T.Type) throws -> T {
    guard let scalar = type as? any YAMLScalar.Type else {
      return try T(from: decoder)
    }
    if let value = scalar.init(yaml: try decoder.text()) as? T { return value }
    let written = if case .scalar(let text, _, _) = decoder.node { text } else { "" }
    throw ConfigurationProblem(decoder.origin, "'\(written)' is not \(scalar.expected)")
  }
}

/// The standard library's types that one YAML text can be.
private protocol YAMLScalar {
  static var expected: String { get }
  init?(yaml: String)
}

extension String: YAMLScalar {
  fileprivate static var expected: String { "a text" }
  fileprivate init?(yaml: String) { self = yaml }
}

extension Bool: YAMLScalar {
  fileprivate static var expected: String { "true or false" }
  fileprivate init?(yaml: String) { self.init(yaml) }
}

extension Double: YAMLScalar {
  fileprivate static var expected: String { "a number" }
  fileprivate init?(yaml: String) { self.init(yaml) }
}

extension Int: YAMLScalar {
  fileprivate static var expected: String { "a whole number" }
  fileprivate init?(yaml: String) {
    guard let number = WholeNumber.parse(yaml) else { return nil }
    self = number
  }
}
