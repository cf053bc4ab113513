import KedastralCore

/// Which workloads are this process's to forecast, as of one moment.
package struct Shard: Sendable, Equatable {
  /// This process.
  package let member: String
  /// All processes that share the workloads, sorted; those that are just joining included.
  package let members: [String]
  /// Counts how often this process has joined. After a new term, what an earlier one knew is out of date: another process
  /// may have forecast meanwhile.
  package let term: Int
  /// Whether this process may forecast: it has a lease, and all others know of it.
  package let isActive: Bool

  /// Whether `workload` is this process's.
  package func owns(_ workload: WorkloadName) -> Bool {
    isActive && Rendezvous.owner(of: workload.text, among: members) == member
  }
}
