import KedastralCore

/// Workloads whose names begin with the same word, in sum.
struct OverviewGroup: Equatable {
  /// The most groups of an answer: those with the most pods.
  static let maximumCount = 30

  /// The word with the character after it, such as `shop-`.
  let name: String
  var workloads = 0
  /// The requested pods.
  var pods = 0
  /// The sum of the largest planned replicas of each workload.
  var peak = 0
  /// The workloads that are capped, bridged, stale or failing.
  var problems = 0

  private mutating func add(_ row: OverviewRow) {
    workloads += 1
    pods += row.asked ?? 0
    peak += row.peak ?? 0
    if [.capped, .bridged, .stale, .failing].contains(row.state) { problems += 1 }
  }

  /// The total of all rows.
  static func total(of rows: [OverviewRow]) -> OverviewGroup {
    rows.reduce(into: OverviewGroup(name: "")) { $0.add($1) }
  }

  /// The groups of at least two workloads, the one with the most pods first.
  static func groups(of rows: [OverviewRow]) -> [OverviewGroup] {
    var groups: [String: OverviewGroup] = [:]
    for row in rows {
      let text = row.workload.text
      guard let end = text.firstIndex(where: { "-./_:".contains($0) }) else { continue }
      let name = String(text[...end])
      groups[name, default: OverviewGroup(name: name)].add(row)
    }
    let found = groups.values.filter { $0.workloads > 1 }
    return Array(found.sorted { ($1.pods, $0.name) < ($0.pods, $1.name) }.prefix(maximumCount))
  }

  func write(to text: inout JSONText) {
    text.object {
      $0.member("name", name)
      $0.member("workloads", Double(workloads))
      $0.member("pods", Double(pods))
      $0.member("peak", Double(peak))
      $0.member("problems", Double(problems))
    }
  }
}
