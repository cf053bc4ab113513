import KedastralCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// All workloads at one moment, for the pages that look at them.
struct Overview {
  let now: Date
  /// The rows, sorted by name.
  let rows: [OverviewRow]
  var labels = WorkloadLabels()

  /// How many workloads are in each state.
  var counts: [WorkloadState: Int] { rows.counts }

  /// The rows that a page's search finds, in its order.
  func rows(matching query: OverviewQuery) -> [OverviewRow] {
    var found = rows
    if let filter = labels.filter(query.search) {
      found = found.filter { filter($0.workload) }
    } else if query.search.hasPrefix("^") {
      let beginning = query.search.dropFirst()
      found = found.filter { $0.workload.text.lowercased().hasPrefix(beginning) }
    } else if !query.search.isEmpty {
      found = found.filter { $0.workload.text.lowercased().contains(query.search) }
    }
    if let states = query.states { found = found.filter { states.contains($0.state) } }
    switch query.order {
    case .name: break
    case .load: found.sort { $0.snapshot?.currentValue }
    case .replicas: found.sort { $0.asked.map(Double.init) }
    case .rise: found.sort { Double($0.rise) }
    case .error: found.sort { $0.snapshot?.accuracy?.relativeError ?? $0.snapshot?.accuracy?.mase }
    case .age: found.sort { $0.snapshot.map { -$0.generatedAt.timeIntervalSince1970 } ?? .infinity }
    }
    return query.isReversed ? found.reversed() : found
  }

  /// The row of one workload.
  func row(of workload: String) -> OverviewRow? {
    var range = rows.indices
    while !range.isEmpty {
      let middle = (range.lowerBound + range.upperBound) / 2
      let name = rows[middle].workload.text
      if name == workload { return rows[middle] }
      range = name < workload ? middle + 1..<range.upperBound : range.lowerBound..<middle
    }
    return nil
  }
}

extension [OverviewRow] {
  /// How many of the rows are in each state.
  var counts: [WorkloadState: Int] { reduce(into: [:]) { $0[$1.state, default: 0] += 1 } }

  /// Sorts from the largest value to the smallest, what has none at the end, and keeps the order of equal ones.
  fileprivate mutating func sort(by value: (OverviewRow) -> Double?) {
    let keys = map { value($0) ?? -.infinity }
    self = indices.sorted { keys[$0] == keys[$1] ? $0 < $1 : keys[$0] > keys[$1] }.map { self[$0] }
  }
}
