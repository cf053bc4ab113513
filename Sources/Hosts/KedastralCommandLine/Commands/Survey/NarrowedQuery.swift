import KedastralCore
import KedastralSources

/// The query for one of the series that a query returns.
///
/// Where every label of the series is one of the scanned metrics' own, the labels are added to each selector, so that the server
/// reads this series alone: `sum by (app) (rate(requests[5m]))` becomes `sum by (app) (rate(requests{app="shop"}[5m]))`. Where
/// that cannot be seen from the text, the whole result is filtered.
struct NarrowedQuery {
  /// Functions and modifiers that make or replace labels, or whose result depends on other series.
  private static let opaque: Set<String> = [
    "label_replace", "label_join", "count_values", "topk", "bottomk", "limitk", "limit_ratio", "vector", "absent",
    "absent_over_time", "scalar", "group_left", "group_right", "ignoring", "histogram_quantile",
  ]
  /// Words that are not metrics although no parenthesis follows.
  private static let keywords: Set<String> = [
    "by", "without", "on", "offset", "bool", "and", "or", "unless", "inf", "nan", "atan2", "start", "end",
  ]

  /// The query.
  let text: String
  /// Whether the labels were added to the selectors.
  let isNarrow: Bool

  /// Narrows a query.
  ///
  /// - Parameters:
  ///   - query: a PromQL query.
  ///   - labels: the labels of the series, without its name.
  init(_ query: String, labels: [(key: String, value: String)]) {
    guard !labels.isEmpty else {
      (text, isNarrow) = (query, true)
      return
    }
    let matchers = labels.map { "\($0.key)=\(Self.quoted($0.value))" }.joined(separator: ",")
    let scan = Scan(query)
    if !scan.isOpaque, !scan.places.isEmpty {
      var text = Array(query.unicodeScalars)
      for place in scan.places.reversed() {
        let added =
          switch place.kind {
          case .none: "{\(matchers)}"
          case .empty: matchers
          case .filled: matchers + ","
          }
        text.insert(contentsOf: added.unicodeScalars, at: place.index)
      }
      var view = String.UnicodeScalarView()
      view.append(contentsOf: text)
      (self.text, isNarrow) = (String(view), true)
      return
    }
    var filter = "vector(1)"
    for label in labels {
      filter =
        "label_replace(\(filter), \"\(label.key)\", \(Self.quoted(label.value.replacing("$", with: "$$"))), \"\", \"\")"
    }
    text = "(\(query)) and on (\(labels.map(\.key).joined(separator: ", "))) \(filter)"
    isNarrow = false
  }

  /// A text in double quotes, as PromQL reads it.
  static func quoted(_ text: String) -> String {
    let escaped = text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
    return "\"\(escaped)\""
  }

  /// Where the selectors of a query are.
  private struct Scan {
    enum Kind {
      case none
      case empty
      case filled
    }

    /// Where matchers are inserted, in ascending order.
    private(set) var places: [(index: Int, kind: Kind)] = []
    private(set) var isOpaque = false

    init(_ query: String) {
      let text = Array(query.unicodeScalars)
      var index = 0
      func isWord(_ scalar: Unicode.Scalar) -> Bool {
        scalar.isASCII && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar)) || scalar == "_"
          || scalar == ":"
      }
      func skipSpaces(_ index: Int) -> Int {
        var index = index
        while index < text.count, text[index].properties.isWhitespace { index += 1 }
        return index
      }
      /// The index after the bracket that closes the one at `index`; quoted text inside does not count.
      func end(of index: Int, _ open: Unicode.Scalar, _ close: Unicode.Scalar) -> Int {
        var (index, depth) = (index, 0)
        while index < text.count {
          if let after = quoteEnd(index) {
            index = after
            continue
          }
          if text[index] == open { depth += 1 }
          if text[index] == close { depth -= 1 }
          index += 1
          if depth == 0 { return index }
        }
        return index
      }
      /// The index after a quoted text that begins here; nil when none does.
      func quoteEnd(_ start: Int) -> Int? {
        let quote = text[start]
        guard quote == "\"" || quote == "'" || quote == "`" else { return nil }
        var index = start + 1
        while index < text.count, text[index] != quote { index += text[index] == "\\" && quote != "`" ? 2 : 1 }
        return min(index + 1, text.count)
      }
      func kind(ofBraceAt index: Int) -> Kind {
        let next = skipSpaces(index + 1)
        return next < text.count && text[next] == "}" ? .empty : .filled
      }
      while index < text.count {
        if let after = quoteEnd(index) {
          index = after
        } else if text[index] == "[" {
          index = end(of: index, "[", "]")
        } else if text[index] == "{" {
          places.append((index + 1, kind(ofBraceAt: index)))
          index = end(of: index, "{", "}")
        } else if text[index] == "#" || text[index] == "@" {
          isOpaque = true
          return
        } else if isWord(text[index]) {
          let start = index
          while index < text.count, isWord(text[index]) { index += 1 }
          guard !("0"..."9").contains(text[start]) else { continue }
          var word = String.UnicodeScalarView()
          word.append(contentsOf: text[start..<index])
          let name = String(word)
          let next = skipSpaces(index)
          let isCall = next < text.count && text[next] == "("
          // `sum by (app) (…)`
          let isAggregation = ["by", "without"].contains { follows in
            let end = next + follows.unicodeScalars.count
            return end < text.count && text[next..<end].elementsEqual(follows.unicodeScalars) && !isWord(text[end])
          }
          if NarrowedQuery.opaque.contains(name.lowercased()) { isOpaque = true }
          if ["by", "without", "on"].contains(name.lowercased()), isCall {
            index = end(of: next, "(", ")")
          } else if isCall || isAggregation || NarrowedQuery.keywords.contains(name.lowercased()) {
            continue
          } else if next < text.count, text[next] == "{" {
            places.append((next + 1, kind(ofBraceAt: next)))
            index = end(of: next, "{", "}")
          } else {
            places.append((index, .none))
          }
        } else {
          index += 1
        }
      }
    }
  }
}

/// Names for workloads from the labels of their series.
enum SurveyNames {
  /// A valid, unique workload name for each series: its labels' values, joined.
  static func names(_ all: [[(key: String, value: String)]]) -> [String] {
    var used: Set<String> = []
    return all.map { labels in
      let values = labels.map(\.value).filter { !$0.isEmpty }
      let plain = name(values.isEmpty ? "all" : values.joined(separator: "-"))
      var name = plain
      var number = 2
      while !used.insert(name).inserted {
        name = "\(plain)-\(number)"
        number += 1
      }
      return name
    }
  }

  private static func name(_ text: String) -> String {
    func isPlain(_ character: Character) -> Bool {
      character.isASCII && (character.isLetter || character.isNumber)
    }
    var name = String(text.prefix(200).map { isPlain($0) || $0 == "-" || $0 == "_" ? $0 : "-" })
    while let last = name.last, !isPlain(last) { name.removeLast() }
    name = String(name.drop { !isPlain($0) })
    return WorkloadName.isValid(name) ? name : "workload"
  }
}
