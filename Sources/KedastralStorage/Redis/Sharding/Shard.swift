import KedastralCore

/// The workloads that this process forecasts, as of one moment.
package struct Shard: Sendable, Equatable {
  /// The name of this process.
  package let member: String
  /// All processes that share the workloads, sorted, including those that are joining.
  package let members: [String]
  /// The number of times that this process has joined. After a new term, state from earlier terms is out of date:
  /// another process may have forecast meanwhile.
  package let term: Int
  /// Whether this process may forecast: it has a lease, and all others have seen it.
  package let isActive: Bool

  /// Whether `workload` belongs to this process.
  package func owns(_ workload: WorkloadName) -> Bool { owns(key: workload.text) }

  /// Whether what this key identifies belongs to this process.
  package func owns(key: String) -> Bool { isActive && Rendezvous.owner(of: key, among: members) == member }
}
