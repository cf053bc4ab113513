/// The pods of a workload's target that run or start, without those that end.
package struct RunningPods: Sendable, Equatable, CustomStringConvertible {
  /// All of them.
  package var replicas: Int
  /// Those that are ready; nil when only their number could be read.
  package var ready: Int?

  /// Creates a count.
  package init(replicas: Int, ready: Int? = nil) {
    self.replicas = replicas
    self.ready = ready
  }

  /// `20 (18 ready, 2 starting)`.
  package var description: String {
    ready.map { "\(replicas) (\($0) ready, \(replicas - $0) starting)" } ?? "\(replicas)"
  }
}

/// Counts the pods of a workload's target.
package protocol PodCounter: Sendable {
  /// The pods that run or start now.
  ///
  /// - Throws: when they cannot be read.
  func runningPods() async throws -> RunningPods
}
