/// Selects samples of an exposition: a metric name, and label values that must or must not be present.
///
///     try ScrapeSelector(#"http_requests_total{app="shop",code!="500"}"#)
///
/// The syntax is PromQL's, as far as `=` and `!=` go. A label that is absent has the empty value.
package struct ScrapeSelector: Sendable, Equatable, CustomStringConvertible {
  /// The error for a text that is not a valid selector.
  package struct ParseError: Error, Equatable, CustomStringConvertible {
    /// The text that was given.
    package let text: String
    /// What is wrong.
    package let problem: String
    package var description: String {
      "'\(text)' is not a selector: \(problem); write for instance http_requests_total{app=\"shop\",code!=\"500\"}"
    }
  }

  struct Matcher: Equatable {
    let label: String
    let value: String
    let isNegated: Bool
  }

  /// The metric's name.
  package let metric: String
  let matchers: [Matcher]
  package let description: String

  /// Parses a selector.
  package init(_ text: String) throws(ParseError) {
    func problem(_ problem: String) -> ParseError { ParseError(text: text, problem: problem) }
    let name = text.prefix { $0 != "{" }
    metric = name.filter { !$0.isWhitespace }
    description = text
    guard !metric.isEmpty, metric.utf8.allSatisfy({ Self.isNameByte($0) }) else {
      throw problem("it must begin with a metric name")
    }
    var rest = text.dropFirst(name.count)
    var matchers: [Matcher] = []
    if !rest.isEmpty {
      rest.removeFirst()
      while true {
        rest = rest.drop { $0 == " " || $0 == "," }
        guard let first = rest.first else { throw problem("a } is missing") }
        if first == "}" { break }
        let label = rest.prefix { $0.utf8.allSatisfy { Self.isNameByte($0) } }
        rest = rest.dropFirst(label.count).drop { $0 == " " }
        let isNegated = rest.hasPrefix("!=")
        guard !label.isEmpty, isNegated || rest.hasPrefix("="), !rest.hasPrefix("=~") else {
          throw problem("each label must be followed by = or !=")
        }
        rest = rest.dropFirst(isNegated ? 2 : 1).drop { $0 == " " }
        guard rest.first == "\"", let end = rest.dropFirst().firstIndex(of: "\"") else {
          throw problem("the value of label \(label) must be in double quotes")
        }
        let value = rest[rest.index(after: rest.startIndex)..<end]
        matchers.append(Matcher(label: String(label), value: String(value), isNegated: isNegated))
        rest = rest[rest.index(after: end)...]
      }
      guard rest.dropFirst().allSatisfy(\.isWhitespace) else { throw problem("unexpected text after the }") }
    }
    self.matchers = matchers
  }

  /// The samples of `metric` that have all of `labels`.
  package init(metric: String, labels: [String: String]) {
    self.metric = metric
    matchers = labels.sorted { $0.key < $1.key }.map { Matcher(label: $0.key, value: $0.value, isNegated: false) }
    description =
      matchers.isEmpty ? metric : "\(metric){\(matchers.map { "\($0.label)=\"\($0.value)\"" }.joined(separator: ","))}"
  }

  /// Whether a sample with these labels matches.
  func matches(_ labels: [String: String]) -> Bool {
    matchers.allSatisfy { (labels[$0.label] ?? "") == $0.value ? !$0.isNegated : $0.isNegated }
  }

  private static func isNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x3A, 0x41...0x5A, 0x5F, 0x61...0x7A: true
    default: false
    }
  }
}
