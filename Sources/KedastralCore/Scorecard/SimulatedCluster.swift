/// Pods of one workload over time: new ones serve after their startup time, surplus ones are removed at once.
///
///     var cluster = SimulatedCluster(readyPods: 2, startupSyncs: 4)
///     cluster.order(5)          // three pods start
///     for _ in 0..<4 { cluster.advance() }
///     cluster.readyPods         // 5
///
/// Time is counted in syncs of the autoscaler.
package struct SimulatedCluster: Sendable, Equatable {
  /// The startup time of pods that are created from now on, in syncs; not negative.
  package var startupSyncs: Int
  /// The ready pods.
  package private(set) var readyPods: Int
  /// The pods that start, in order of their readiness; each is ready after that many further syncs.
  private var starting: [(syncsLeft: Int, pods: Int)] = []

  /// Creates a cluster whose pods all serve.
  package init(readyPods: Int, startupSyncs: Int) {
    self.readyPods = max(0, readyPods)
    self.startupSyncs = max(0, startupSyncs)
  }

  /// The existing pods, including starting ones, all of which cost.
  package var orderedPods: Int { starting.reduce(readyPods) { $0 + $1.pods } }

  /// Sets the number of pods. Of surplus pods, those that would be ready last are removed first.
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

  /// Advances by one sync.
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
