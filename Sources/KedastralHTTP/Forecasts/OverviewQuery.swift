import KedastralCore

/// The part of the list that a page looks at: `?search=api&state=capped,failing&order=load&first=0&count=60&chosen=api-app`.
struct OverviewQuery: Equatable {
  /// What the list is sorted by; workloads that are equal in it are sorted by name.
  enum Order: String, CaseIterable {
    case name
    /// Highest load first.
    case load
    /// Most requested replicas first.
    case replicas
    /// Largest planned replicas first.
    case rise
    /// Worst forecasts first.
    case error
    /// Oldest plan first.
    case age
  }

  /// The message for an invalid request of a page.
  struct Problem: Error, CustomStringConvertible {
    let description: String
  }

  /// The most rows in one answer.
  static let maximumCount = 500
  /// The maximum number of workloads that are followed in addition to the rows.
  static let maximumChosen = 8

  /// A part of the names, in any case, with `^` before it their beginning, or a label such as `team=shop`; empty for all.
  var search = ""
  /// The requested states; nil for all.
  var states: Set<WorkloadState>?
  var order = Order.name
  /// Whether the order is turned round.
  var isReversed = false
  /// The requested rows, counted in this order.
  var rows = 0..<100
  /// How the found workloads are grouped: `true`, by prefix, or `label:NAME`; nil for no groups.
  var groups: OverviewGroup.Key?
  /// Workloads that are requested independent of their position.
  var chosen: [String] = []

  /// Reads the parameters; each has a default.
  init(_ query: QueryString) throws(Problem) {
    search = String(query["search"] ?? "").lowercased()
    if let text = query["state"], !text.isEmpty {
      states = []
      for word in text.split(separator: ",") {
        guard let state = WorkloadState(rawValue: String(word)) else {
          let known = WorkloadState.allCases.map(\.rawValue).joined(separator: ", ")
          throw Problem(description: "'state' is '\(word.prefix(40))', expected one or more of \(known)")
        }
        states?.insert(state)
      }
    }
    if let text = query["order"] {
      guard let order = Order(rawValue: text) else {
        let known = Order.allCases.map(\.rawValue).joined(separator: ", ")
        throw Problem(description: "'order' is '\(text.prefix(40))', expected one of \(known)")
      }
      self.order = order
    }
    isReversed = query["reversed"] == "true"
    if let text = query["groups"], text != "false" {
      groups = text.hasPrefix("label:") ? .label(String(text.dropFirst("label:".count))) : .prefix
    }
    let first = try Self.number("first", query["first"] ?? "0", in: 0...10_000_000)
    let count = try Self.number("count", query["count"] ?? "100", in: 0...Self.maximumCount)
    rows = first..<(first + count)
    chosen = (query["chosen"] ?? "").split(separator: ",").prefix(Self.maximumChosen).map(String.init)
  }

  private static func number(_ name: String, _ text: String, in range: ClosedRange<Int>) throws(Problem) -> Int {
    guard let number = WholeNumber.parse(text), range.contains(number) else {
      throw Problem(
        description: "'\(name)' is '\(text.prefix(40))', expected \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }
}
