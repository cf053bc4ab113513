import KedastralCore

/// Pods of one workload as time passes: ordered ones serve after their startup, surplus ones leave at once.
///
///     var cluster = SimulatedCluster(readyPods: 2, startupSyncs: 4)
///     cluster.order(5)          // three pods start
///     for _ in 0..<4 { cluster.advance() }
///     cluster.readyPods         // 5
///
/// Time is counted in syncs of the autoscaler.
package struct SimulatedCluster: Sendable, Equatable {
  /// How many syncs pass from a pod's order to its first request.
  package let startupSyncs: Int
  /// The pods that serve.
  package private(set) var readyPods: Int
  /// The pods that start, in order of their readiness; each is ready after that many further syncs.
  private var starting: [(syncsLeft: Int, pods: Int)] = []

  /// Creates a cluster whose pods all serve.
  package init(readyPods: Int, startupSyncs: Int) {
    self.readyPods = max(0, readyPods)
    self.startupSyncs = max(0, startupSyncs)
  }

  /// The pods that there are, starting ones included: what is paid for.
  package var orderedPods: Int { starting.reduce(readyPods) { $0 + $1.pods } }

  /// Sets how many pods there shall be. Of surplus pods those leave first that would have been ready last.
  package mutating func order(_ pods: Int) {
    var surplus = orderedPods - max(0, pods)
    if surplus < 0 {
      if startupSyncs == 0 { readyPods -= surplus } else { starting.append((startupSyncs, -surplus)) }
      return
    }
    while surplus > 0, let last = starting.last {
      let leaving = min(surplus, last.pods)
      surplus -= leaving
      starting[starting.count - 1].pods -= leaving
      if starting[starting.count - 1].pods == 0 { starting.removeLast() }
    }
    readyPods -= surplus
  }

  /// Lets one sync pass.
  package mutating func advance() {
    guard !starting.isEmpty else { return }
    for index in starting.indices { starting[index].syncsLeft -= 1 }
    while let first = starting.first, first.syncsLeft <= 0 {
      readyPods += first.pods
      starting.removeFirst()
    }
  }

  package static func == (one: SimulatedCluster, other: SimulatedCluster) -> Bool {
    one.startupSyncs == other.startupSyncs && one.readyPods == other.readyPods
      && one.starting.elementsEqual(other.starting) { $0 == $1 }
  }
}
