import KedastralCore

/// The labels of the workloads, by which the page groups them.
package struct WorkloadLabels: Sendable {
  /// The most labels to choose from: those that the most workloads have.
  static let maximumCount = 30

  /// The names of the labels, sorted.
  let names: [String]
  private let labels: [WorkloadName: [String: String]]

  /// - Parameter labels: the labels of each workload that has any.
  package init(_ labels: [WorkloadName: [String: String]] = [:]) {
    self.labels = labels
    var counts: [String: Int] = [:]
    for own in labels.values { for name in own.keys { counts[name, default: 0] += 1 } }
    let most = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(Self.maximumCount)
    names = most.map(\.key).sorted()
  }

  /// The value of a label; nil for a workload without it.
  func value(_ name: String, of workload: WorkloadName) -> String? { labels[workload]?[name] }

  /// What tests a workload against a search such as `team=shop`, in lower case; nil when the search is not for a label.
  func filter(_ search: String) -> ((WorkloadName) -> Bool)? {
    guard let equals = search.firstIndex(of: "="),
      let name = names.first(where: { $0.lowercased() == search[..<equals] })
    else { return nil }
    let wanted = String(search[search.index(after: equals)...])
    return { value(name, of: $0)?.lowercased() == wanted }
  }
}
