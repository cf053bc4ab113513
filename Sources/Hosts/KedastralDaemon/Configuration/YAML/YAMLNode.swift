/// A YAML document as a tree, each node with the place where it begins.
indirect enum YAMLNode: Sendable, Equatable {
  /// A text; `isPlain` when it was written without quotes and not as a block.
  case scalar(String, isPlain: Bool, YAMLMark)
  /// A list.
  case sequence([YAMLNode], YAMLMark)
  /// Keys and values in the order of the file, no key twice.
  case mapping([Entry], YAMLMark)

  /// A key with its value.
  struct Entry: Sendable, Equatable {
    var key: String
    var keyMark: YAMLMark
    var value: YAMLNode
  }

  var mark: YAMLMark {
    switch self {
    case .scalar(_, _, let mark), .sequence(_, let mark), .mapping(_, let mark): mark
    }
  }

  /// Whether it is an empty value, `~` or `null`: the key counts as not given.
  var isNull: Bool {
    if case .scalar(let text, isPlain: true, _) = self { return ["", "~", "null", "Null", "NULL"].contains(text) }
    return false
  }

  /// What it is, for an error.
  var kind: String {
    switch self {
    case .scalar: isNull ? "nothing" : "a single value"
    case .sequence: "a list"
    case .mapping: "a mapping of keys"
    }
  }
}

/// A place in a file; line and column count from 1.
struct YAMLMark: Sendable, Hashable {
  var line: Int
  var column: Int
}
