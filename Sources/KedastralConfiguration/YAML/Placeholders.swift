/// Environment variables inside values of a configuration file: `${NAME}` is replaced, `$${NAME}` stands for the text `${NAME}`.
///
/// Anything else with a dollar sign, such as the end of a regular expression, stays as it is.
enum Placeholders {
  /// A variable that is not set.
  struct Unset: Error, Equatable {
    let name: String
  }

  /// Replaces every placeholder in `text`; what a variable holds is not looked at again.
  static func expand(_ text: String, environment: [String: String]) throws(Unset) -> String {
    guard text.contains("${") else { return text }
    var result = ""
    var rest = text[...]
    while let dollar = rest.firstIndex(of: "$") {
      result += rest[..<dollar]
      rest = rest[dollar...]
      let isEscaped = rest.hasPrefix("$${")
      guard let name = name(after: isEscaped ? rest.dropFirst() : rest) else {
        result.append("$")
        rest = rest.dropFirst()
        continue
      }
      rest = rest.dropFirst(name.count + 3 + (isEscaped ? 1 : 0))
      if isEscaped {
        result += "${\(name)}"
      } else if let value = environment[name] {
        result += value
      } else {
        throw Unset(name: name)
      }
    }
    return result + rest
  }

  /// The text that expands to `text`.
  static func escape(_ text: String) -> String {
    var result = ""
    var rest = text[...]
    while let dollar = rest.firstIndex(of: "$") {
      result += rest[..<dollar]
      rest = rest[dollar...]
      result += name(after: rest) == nil ? "$" : "$$"
      rest = rest.dropFirst()
    }
    return result + rest
  }

  /// The NAME of a text that begins with `${NAME}`.
  private static func name(after text: Substring) -> String? {
    guard text.hasPrefix("${") else { return nil }
    let name = text.dropFirst(2).prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
    guard let first = name.first, !first.isNumber, text.dropFirst(2 + name.count).first == "}" else { return nil }
    return String(name)
  }
}
