import KedastralCore

/// Workloads whose names begin with the same word, or that have the same value of a label, in sum.
struct OverviewGroup: Equatable {
  /// What the workloads of a group have in common.
  enum Key: Equatable {
    /// The beginning of their names.
    case prefix
    /// The value of the label with this name.
    case label(String)
  }

  /// The most groups of an answer: those with the most pods.
  static let maximumCount = 30

  /// The word with the character after it, such as `shop-`, or the label's value.
  let name: String
  /// The search that finds the group's workloads.
  var search = ""
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

  /// The groups, the one with the most pods first; those by prefix have at least two workloads.
  static func groups(
    of rows: [OverviewRow], by key: Key, _ labels: WorkloadLabels = WorkloadLabels()
  ) -> [OverviewGroup] {
    var groups: [String: OverviewGroup] = [:]
    for row in rows {
      guard let (name, search) = place(of: row.workload, key, labels) else { continue }
      groups[name, default: OverviewGroup(name: name, search: search)].add(row)
    }
    let found = groups.values.filter { $0.workloads > 1 || key != .prefix }
    return Array(found.sorted { ($1.pods, $0.name) < ($0.pods, $1.name) }.prefix(maximumCount))
  }

  private static func place(
    of workload: WorkloadName, _ key: Key, _ labels: WorkloadLabels
  ) -> (name: String, search: String)? {
    switch key {
    case .prefix:
      let text = workload.text
      guard let end = text.firstIndex(where: { "-./_:".contains($0) }) else { return nil }
      return (String(text[...end]), "^\(text[...end])")
    case .label(let label): return labels.value(label, of: workload).map { ($0, "\(label)=\($0)") }
    }
  }

  func write(to text: inout JSONText) {
    text.object {
      $0.member("name", name)
      $0.member("search", search)
      $0.member("workloads", Double(workloads))
      $0.member("pods", Double(pods))
      $0.member("peak", Double(peak))
      $0.member("problems", Double(problems))
    }
  }
}
