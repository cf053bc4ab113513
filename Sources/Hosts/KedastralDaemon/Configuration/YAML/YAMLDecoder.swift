import KedastralCore

/// Decodes a YAML file into any `Decodable` type and reports all that is wrong in one go.
///
///     struct Greeting: Decodable { var hello: String? }
///     let greeting = try YAMLDecoder(file: "greeting.yaml").decode(Greeting.self, from: "hello: ${USER}")
///
/// Keys that the type does not read are errors. A wrong value of an optional property is noted and read as nil, so that the
/// values after it are looked at too; the error that is thrown in the end names them all.
struct YAMLDecoder {
  /// The file's name in errors.
  let file: String
  /// What `${NAME}` in values stands for.
  var environment: [String: String] = [:]
  /// How much a file may hold.
  var limits = YAMLParser.Limits()

  /// Decodes `text`.
  func decode<Value: Decodable>(_ type: Value.Type, from text: String) throws(ConfigurationError) -> Value {
    let problems = ProblemList()
    let value = decode(type, from: text, problems: problems)
    try problems.throwIfAny()
    guard let value else { throw ConfigurationError([ConfigurationProblem(.nowhere, "\(file): cannot be read")]) }
    return value
  }

  /// Decodes `text` as far as possible and records the problems in `problems`; nil when it cannot be decoded.
  func decode<Value: Decodable>(_ type: Value.Type, from text: String, problems: ProblemList) -> Value? {
    do {
      let root = try YAMLParser.parse(text, file: file, limits: limits)
      let context = YAMLDecodingContext(file: file, environment: environment, problems: problems)
      return try YAMLNodeDecoder.decode(type, from: root, path: "", codingPath: [], context: context)
    } catch let problem as ConfigurationProblem {
      problems.add(problem)
    } catch {
      problems.add(.file(file, line: 1, column: 1, key: ""), "\(error)")
    }
    return nil
  }
}

/// What all decoders of one file share.
final class YAMLDecodingContext {
  let file: String
  let environment: [String: String]
  let problems: ProblemList

  init(file: String, environment: [String: String], problems: ProblemList) {
    self.file = file
    self.environment = environment
    self.problems = problems
  }
}

/// The `Decoder` of one node.
struct YAMLNodeDecoder: Decoder {
  let node: YAMLNode
  /// The keys that lead here, such as `workloads[0].policy`.
  let path: String
  let codingPath: [any CodingKey]
  let context: YAMLDecodingContext
  let keys = KeyUse()

  var userInfo: [CodingUserInfoKey: Any] { [:] }

  /// Where the node begins.
  var origin: Origin { origin(of: node.mark) }

  func origin(of mark: YAMLMark) -> Origin {
    .file(context.file, line: mark.line, column: mark.column, key: path)
  }

  /// The node's text with placeholders replaced.
  func text() throws -> String {
    guard case .scalar(let text, _, _) = node else {
      let hint = if case .mapping = node { "; quote the value if it begins with { or has ': ' in it" } else { "" }
      throw ConfigurationProblem(origin, "expected a single value, found \(node.kind)\(hint)")
    }
    do throws(Placeholders.Problem) {
      return try Placeholders.expand(text, environment: context.environment)
    } catch {
      throw ConfigurationProblem(origin, error.message)
    }
  }

  /// Reads a setting's value; a list of values is read as if it were written with commas.
  func located<Value: SettingValue>(_ type: Value.Type) throws -> Located<Value> {
    if case .sequence(let items, _) = node, type is any ListSettingValue.Type {
      let texts = try items.map { try child($0, "").text() }
      return Located(try value(texts.joined(separator: ","), shown: texts.joined(separator: ", ")), origin)
    }
    if case .mapping(let entries, _) = node, let mapType = type as? any MapSettingValue.Type {
      var pairs: [String: String] = [:]
      for entry in entries { pairs[entry.key] = try child(entry.value, ".\(entry.key)").text() }
      if let map = mapType.init(pairs: pairs) as? Value { return Located(map, origin) }
    }
    guard case .scalar(let written, _, _) = node else { return Located(try value(text(), shown: ""), origin) }
    // What a placeholder stands for may be a secret, so an error shows the value as it is written.
    return Located(try value(text(), shown: written), origin)
  }

  private func value<Value: SettingValue>(_ text: String, shown: String) throws -> Value {
    do throws(SettingValueError) { return try Value(settingText: text) } catch {
      throw ConfigurationProblem(origin, error.message(for: shown, isSecret: Value.isSecret))
    }
  }

  private func child(_ node: YAMLNode, _ step: String) -> YAMLNodeDecoder {
    YAMLNodeDecoder(node: node, path: path + step, codingPath: codingPath, context: context)
  }

  /// Decodes a value and records its unknown keys.
  static func decode<Value: Decodable>(
    _ type: Value.Type, from node: YAMLNode, path: String, codingPath: [any CodingKey], context: YAMLDecodingContext
  ) throws -> Value {
    let decoder = YAMLNodeDecoder(node: node, path: path, codingPath: codingPath, context: context)
    let value = try Value(from: decoder)
    decoder.noteUnknownKeys()
    return value
  }

  private func noteUnknownKeys() {
    guard case .mapping(let entries, _) = node, keys.isTracking else { return }
    for entry in entries where !keys.asked.contains(entry.key) {
      let unused = keys.asked.filter { name in !entries.contains { $0.key == name } }
      let near = Suggestion.nearest(to: entry.key, among: Array(unused)).map { "; did you mean \($0)?" }
      let hint = near ?? "; known: \(keys.asked.sorted().joined(separator: ", "))"
      context.problems.add(origin(of: entry.keyMark), "unknown key '\(entry.key)'\(hint)")
    }
  }

  func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
    guard case .mapping(let entries, _) = node else {
      throw ConfigurationProblem(origin, "expected a mapping of keys, found \(node.kind)")
    }
    keys.isTracking = true
    return KeyedDecodingContainer(YAMLKeyedContainer(entries: entries, decoder: self))
  }

  func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
    guard case .sequence(let items, _) = node else {
      throw ConfigurationProblem(origin, "expected a list, with a dash before each entry, found \(node.kind)")
    }
    return YAMLUnkeyedContainer(items: items, decoder: self)
  }

  func singleValueContainer() throws -> any SingleValueDecodingContainer {
    YAMLSingleValueContainer(decoder: self)
  }
}

/// Which keys of a mapping its type asked for: those are the known ones.
final class KeyUse {
  var isTracking = false
  var asked: Set<String> = []
}
