import KedastralCore
import KedastralSources

/// Builds the tree of a workload's section of the configuration file from parts of objects.
///
/// Each node's mark has as its line the number of the field that it comes from, so that an error names the object's field.
struct SectionTree {
  /// The fields by the lines of the marks, such as `spec.capacity.minReplicas`; line 0 is the object itself.
  private(set) var fields = [""]
  /// Fields that are not of the expected shape: an API server without the definitions' schema may send them.
  private(set) var defects: [String] = []

  /// A mark for nodes of a field.
  mutating func mark(_ field: String) -> YAMLMark {
    fields.append(field)
    return YAMLMark(line: fields.count - 1, column: 1)
  }

  /// A text, as it is: nothing in it is a placeholder for a variable of this process's environment.
  mutating func text(_ text: String, _ field: String) -> YAMLNode {
    .scalar(Placeholders.escape(text), isPlain: false, mark(field))
  }

  /// A value of an object.
  mutating func node(_ value: JSONValue, _ field: String) -> YAMLNode {
    switch value {
    case .null: .scalar("", isPlain: true, mark(field))
    case .bool(let value): text("\(value)", field)
    case .number(let value): text(Int(exactly: value).map { "\($0)" } ?? "\(value)", field)
    case .string(let value): text(value, field)
    case .array(let elements):
      .sequence(elements.enumerated().map { node($1, "\(field)[\($0)]") }, mark(field))
    case .object(let members):
      mapping(members.sorted { $0.key < $1.key }.map { ($0.key, node($0.value, "\(field).\($0.key)")) }, field)
    }
  }

  /// A mapping; of two entries with the same key the later one counts.
  mutating func mapping(_ entries: [(key: String, value: YAMLNode)], _ field: String) -> YAMLNode {
    var result: [YAMLNode.Entry] = []
    for (key, value) in entries {
      let entry = YAMLNode.Entry(key: key, keyMark: value.mark, value: value)
      if let index = result.firstIndex(where: { $0.key == key }) { result[index] = entry } else { result.append(entry) }
    }
    return .mapping(result, mark(field))
  }

  /// The entries for those of the fields that are there: the file's key, and the object's.
  mutating func entries(
    _ names: [(file: String, object: String)], of value: JSONValue, _ field: String
  ) -> [(key: String, value: YAMLNode)] {
    var entries: [(key: String, value: YAMLNode)] = []
    if value.members == nil, value != .null { defects.append("\(field): expected an object") }
    for (file, object) in names where value[object] != .null {
      entries.append((file, node(value[object], "\(field).\(object)")))
    }
    return entries
  }

  /// A problem of the section, in terms of the object.
  func text(of problem: ConfigurationProblem) -> String {
    guard case .file(_, let line, _, _) = problem.origin, fields.indices.contains(line), !fields[line].isEmpty else {
      return problem.message
    }
    return "\(fields[line]): \(problem.message)"
  }
}
