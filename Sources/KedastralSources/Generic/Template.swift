/// A text with variables in double braces: `{"from": {{start}}, "token": "{{Token}}"}`.
///
/// A name may have a dot before it and white space around it, as in Go's templates: `{{ .Start }}`.
struct Template: Sendable {
  /// An invalid template.
  struct Defect: Error, Equatable, CustomStringConvertible {
    let problem: String
    var description: String { problem }
  }

  private enum Part: Sendable {
    case text(String)
    case variable(String)
  }

  private let parts: [Part]

  /// Parses a template; all of its variables must be among `names` (case-insensitive).
  init(_ text: String, names: Set<String>) throws(Defect) {
    var parts: [Part] = []
    var rest = text[...]
    while let open = rest.firstRange(of: "{{") {
      guard let close = rest[open.upperBound...].firstRange(of: "}}") else {
        throw Defect(problem: "a {{ is not closed by }}")
      }
      var name = rest[open.upperBound..<close.lowerBound].filter { !$0.isWhitespace }[...]
      if name.hasPrefix(".") { name = name.dropFirst() }
      let known = names.first { $0 == name } ?? names.first { $0.lowercased() == name.lowercased() }
      guard let known else {
        throw Defect(
          problem: "the variable {{\(name)}} is unknown; known variables are \(names.sorted().joined(separator: ", "))")
      }
      parts += [.text(String(rest[..<open.lowerBound])), .variable(known)]
      rest = rest[close.upperBound...]
    }
    self.parts = parts + [.text(String(rest))]
  }

  /// The text with the variables' values.
  func rendered(_ values: [String: String]) -> String {
    parts.map { part in
      switch part {
      case .text(let text): text
      case .variable(let name): values[name] ?? ""
      }
    }.joined()
  }
}
