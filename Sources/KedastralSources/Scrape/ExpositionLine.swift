/// One line of the Prometheus text exposition format: a sample, or the type of a metric.
///
///     http_requests_total{method="get",code="200"} 1027 1395066363000
///     # TYPE http_requests_total counter
enum ExpositionLine: Equatable {
  case sample(name: String, labels: [String: String], value: Double)
  case type(name: String, kind: String)
  /// Empty lines and comments.
  case nothing

  /// An invalid line.
  struct Defect: Error, Equatable, CustomStringConvertible {
    let problem: String
    var description: String { problem }
  }

  /// Parses a line. OpenMetrics' exemplars and timestamps, which may follow the value, are ignored.
  init(_ line: Substring) throws(Defect) {
    var reader = Reader(rest: line)
    reader.skipSpaces()
    if reader.rest.isEmpty {
      self = .nothing
    } else if reader.rest.first == "#" {
      let words = reader.rest.split(separator: " ", omittingEmptySubsequences: true)
      self = words.count >= 4 && words[1] == "TYPE" ? .type(name: String(words[2]), kind: String(words[3])) : .nothing
    } else {
      self = try reader.sample()
    }
  }

  private struct Reader {
    var rest: Substring

    mutating func skipSpaces() {
      while let first = rest.utf8.first, first == 0x20 || first == 0x09 || first == 0x0D { rest.removeFirst() }
    }

    mutating func sample() throws(Defect) -> ExpositionLine {
      let name = rest.prefix { $0 != "{" && $0 != " " && $0 != "\t" }
      guard !name.isEmpty else { throw Defect(problem: "expected a metric name") }
      rest.removeFirst(name.count)
      skipSpaces()
      let labels = rest.first == "{" ? try labels() : [:]
      skipSpaces()
      let text = rest.prefix { !$0.isWhitespace }
      guard let value = Self.value(text) else { throw Defect(problem: "'\(text)' is not a valid sample value") }
      return .sample(name: String(name), labels: labels, value: value)
    }

    private mutating func labels() throws(Defect) -> [String: String] {
      var labels: [String: String] = [:]
      rest.removeFirst()
      while true {
        skipSpaces()
        if rest.first == "}" {
          rest.removeFirst()
          return labels
        }
        let name = rest.prefix { $0 != "=" && $0 != " " && $0 != "}" }
        rest.removeFirst(name.count)
        skipSpaces()
        guard !name.isEmpty, rest.first == "=" else { throw Defect(problem: "label=\"value\" expected") }
        rest.removeFirst()
        skipSpaces()
        labels[String(name)] = try quoted()
        skipSpaces()
        if rest.first == "," { rest.removeFirst() }
      }
    }

    private mutating func quoted() throws(Defect) -> String {
      guard rest.first == "\"" else { throw Defect(problem: "expected a quoted label value") }
      rest.removeFirst()
      var text = ""
      while let character = rest.popFirst() {
        switch character {
        case "\"": return text
        case "\\":
          switch rest.popFirst() {
          case "n": text.append("\n")
          case let escaped?: text.append(escaped)
          case nil: throw Defect(problem: "unterminated label value")
          }
        default: text.append(character)
        }
      }
      throw Defect(problem: "unterminated label value")
    }

    private static func value(_ text: Substring) -> Double? {
      switch text {
      case "+Inf", "Inf": .infinity
      case "-Inf": -.infinity
      case "NaN", "Nan": .nan
      default: Double(text)
      }
    }
  }
}
