/// Environment variables inside values of a configuration file, written as a shell writes them.
///
/// | written | stands for |
/// |---|---|
/// | `${NAME}` | the variable; an error when it is not set |
/// | `${NAME:-default}` | the variable, or the default when it is not set or empty |
/// | `${NAME-default}` | the variable, or the default when it is not set |
/// | `${NAME:?message}`, `${NAME?message}` | the variable; an error with the message when it is not set (with the colon: or empty) |
/// | `$${` | the text `${` |
///
/// A default may hold further placeholders. Any other text after `${` is an error, so that a placeholder is never sent as it
/// stands; a dollar sign before anything but `{`, such as the end of a regular expression, stays as it is.
enum Placeholders {
  /// Why a text cannot be expanded.
  enum Problem: Error, Equatable {
    /// A variable without a default is not set.
    case unset(String)
    /// A variable is not set or empty, and the text demands it with this message, which may be empty.
    case demanded(String, message: String)
    /// A `${` begins no known form.
    case unknownForm
    /// A `${` has no `}`.
    case unterminated
    /// Defaults inside defaults, too deep.
    case tooDeep

    /// The message of an error. It repeats nothing that may be secret.
    var message: String {
      switch self {
      case .unset(let name):
        "the environment variable \(name) is not set; set it, or write $${\(name)} for the literal text"
      case .demanded(let name, let message):
        "the environment variable \(name) is not set or empty" + (message.isEmpty ? "" : ": \(message)")
      case .unknownForm:
        "this ${…} is not supported; write ${NAME}, ${NAME:-default}, ${NAME-default} or ${NAME:?message}, or $${ for the literal text ${"
      case .unterminated: "a ${ has no closing }; add it, or write $${ for the literal text ${"
      case .tooDeep: "placeholders are nested more than \(maximumDepth) levels deep"
      }
    }
  }

  private static let maximumDepth = 8

  /// Replaces every placeholder in `text`; values of variables are not expanded again.
  static func expand(_ text: String, environment: [String: String]) throws(Problem) -> String {
    guard text.contains("${") else { return text }
    var rest = text[...]
    return try expand(&rest, environment, depth: 0)
  }

  /// The text that expands to `text`.
  static func escape(_ text: String) -> String {
    text.split(separator: "${", omittingEmptySubsequences: false).joined(separator: "$${")
  }

  /// Expands the whole of `rest`, or, inside a placeholder, as far as its `}`, which is taken too.
  private static func expand(
    _ rest: inout Substring, _ environment: [String: String], depth: Int
  ) throws(Problem) -> String {
    try scan(&rest, depth: depth, escaped: "${") { rest throws(Problem) in
      try value(&rest, environment, depth: depth)
    }
  }

  /// Takes a default or message with its `}`, and returns it as it is written.
  private static func skip(_ rest: inout Substring, depth: Int) throws(Problem) -> String {
    try scan(&rest, depth: depth, escaped: "$${") { rest throws(Problem) in
      "${" + (try skip(&rest, depth: depth + 1)) + "}"
    }
  }

  /// Takes the whole of `rest`, or, inside a placeholder, as far as its `}`, which is taken too.
  ///
  /// - Parameters:
  ///   - escaped: what `$${` becomes.
  ///   - placeholder: takes a placeholder whose `${` has been taken, and returns what it becomes.
  private static func scan(
    _ rest: inout Substring, depth: Int, escaped: String,
    placeholder: (inout Substring) throws(Problem) -> String
  ) throws(Problem) -> String {
    guard depth <= maximumDepth else { throw .tooDeep }
    var result = ""
    while let character = rest.first {
      if rest.hasPrefix("$${") {
        rest = rest.dropFirst(3)
        result += escaped
      } else if rest.hasPrefix("${") {
        rest = rest.dropFirst(2)
        result += try placeholder(&rest)
      } else {
        rest = rest.dropFirst()
        if depth > 0, character == "}" { return result }
        result.append(character)
      }
    }
    guard depth == 0 else { throw .unterminated }
    return result
  }

  /// What the placeholder stands for whose `${` has been taken.
  private static func value(
    _ rest: inout Substring, _ environment: [String: String], depth: Int
  ) throws(Problem) -> String {
    let name = String(rest.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") })
    rest = rest.dropFirst(name.count)
    guard rest.contains("}") else { throw .unterminated }
    guard let first = name.first, !first.isNumber else { throw .unknownForm }
    if rest.first == "}" {
      rest = rest.dropFirst()
      guard let value = environment[name] else { throw .unset(name) }
      return value
    }
    let refusesEmpty = rest.first == ":"
    if refusesEmpty { rest = rest.dropFirst() }
    let form = rest.popFirst()
    guard form == "-" || form == "?" else { throw .unknownForm }
    let value = environment[name].flatMap { refusesEmpty && $0.isEmpty ? nil : $0 }
    // A default that is not used may name variables that are not set.
    let alternative = rest
    var skipped = try skip(&rest, depth: depth + 1)[...]
    if let value { return value }
    guard form == "-" else { throw .demanded(name, message: String(skipped)) }
    skipped = alternative
    return try expand(&skipped, environment, depth: depth + 1)
  }
}
