/// The part of Kubernetes' HorizontalPodAutoscaler that computes replicas from proposals: tolerance, rate of growth, and
/// stabilisation window for scaling down. The replay and the scorecard both use it.
///
///     var autoscaler = SimulatedAutoscaler(minReplicas: 1, maxReplicas: 20)
///     autoscaler.replicas(forLoad: 7.2, utilization: 0.7, ready: 8, ordered: 8, sync: 0)   // 11
package struct SimulatedAutoscaler: Sendable, Equatable {
  /// The time between two syncs.
  package static let syncPeriod: Duration = .seconds(15)
  /// The number of syncs in a minute.
  package static let syncsPerMinute = 4

  /// The replicas that one metric proposes.
  package struct Proposal: Sendable, Equatable {
    /// The replicas.
    package var replicas: Int
    /// The metric divided by its target with the current pods; 1 is exactly right.
    package var usageRatio: Double

    /// Creates a proposal.
    package init(replicas: Int, usageRatio: Double) {
      self.replicas = replicas
      self.usageRatio = usageRatio
    }

    /// The proposal of a metric that requires `pods` pods, while there are `current`.
    package init(pods: Double, current: Int) {
      self.init(
        replicas: Int((min(pods, 1e9) - 1e-9).rounded(.up)),
        usageRatio: current > 0 ? pods / Double(current) : .infinity)
    }
  }

  /// The relative deviation of the usage from its target up to which nothing changes.
  package var tolerance: Double
  /// The minimum replicas.
  package var minReplicas: Int
  /// The maximum replicas.
  package var maxReplicas: Int
  private let stabilizationSyncs: Int
  /// The proposals of the stabilisation window before the current sync.
  private var proposals: [(sync: Int, replicas: Int)] = []

  /// Creates an autoscaler without earlier proposals; by default it has Kubernetes' tolerance and window.
  package init(
    tolerance: Double = 0.1, scaleDownStabilization: Duration = .seconds(300), minReplicas: Int, maxReplicas: Int
  ) {
    self.tolerance = tolerance
    self.minReplicas = minReplicas
    self.maxReplicas = maxReplicas
    stabilizationSyncs = Self.syncs(in: scaleDownStabilization)
  }

  /// The number of syncs in a duration, rounded up.
  package static func syncs(in duration: Duration) -> Int {
    Int((duration.inSeconds / syncPeriod.inSeconds - 1e-9).rounded(.up))
  }

  /// The replicas for a sync: the largest proposal of several metrics is used.
  ///
  /// - Parameters:
  ///   - asked: the proposals of the available metrics; if it is empty, the replicas stay.
  ///   - current: the existing replicas, including starting ones.
  ///   - sync: the number of this sync; numbers ascend.
  package mutating func replicas(for asked: [Proposal], current: Int, sync: Int) -> Int {
    let largest = asked.map { abs($0.usageRatio - 1) <= tolerance + 1e-9 ? current : $0.replicas }.max()
    guard let largest else { return current }
    return replicas(proposal: bound(largest), current: current, sync: sync)
  }

  /// The replicas that hold each pod's load at a share of what a pod can serve; without a measured load they stay.
  ///
  /// - Parameters:
  ///   - load: the load in pods: divided by what a pod can serve; NaN where it is not measured.
  ///   - utilization: the target share.
  ///   - ready: the ready pods.
  ///   - ordered: the existing pods, including starting ones.
  ///   - countsUnready: whether pods that are not ready count as Kubernetes counts them for CPU: with a usage of 0 when the ready
  ///     pods use more than the target. If that turns a rise into a fall, the replicas stay.
  package mutating func replicas(
    forLoad load: Double, utilization: Double, ready: Int, ordered: Int, countsUnready: Bool = false, sync: Int
  ) -> Int {
    guard load.isFinite else { return ordered }
    let pods = load / utilization
    var proposal = Proposal(pods: pods, current: ready)
    if countsUnready, ready < ordered, proposal.usageRatio > 1 {
      proposal = Proposal(pods: pods, current: ordered)
      if proposal.usageRatio < 1 { proposal = Proposal(replicas: ordered, usageRatio: 1) }
    }
    return replicas(for: [proposal], current: ordered, sync: sync)
  }

  private mutating func replicas(proposal: Int, current: Int, sync: Int) -> Int {
    proposals.removeAll { sync - $0.sync >= stabilizationSyncs }
    let largest = proposals.reduce(proposal) { max($0, $1.replicas) }
    proposals.append((sync, proposal))
    if proposal >= current { return bound(min(proposal, max(current + 4, current * 2))) }
    return bound(min(current, largest))
  }

  private func bound(_ replicas: Int) -> Int { min(max(replicas, minReplicas), maxReplicas) }

  package static func == (one: SimulatedAutoscaler, other: SimulatedAutoscaler) -> Bool {
    one.tolerance == other.tolerance && one.minReplicas == other.minReplicas && one.maxReplicas == other.maxReplicas
      && one.stabilizationSyncs == other.stabilizationSyncs
      && one.proposals.elementsEqual(other.proposals) { $0 == $1 }
  }
}

/// What one sync period means for a service.
package struct SyncScore: Sendable, Equatable {
  /// The load above what the ready pods can serve; 0 when they suffice.
  package let unserved: Double
  /// Whether the load is more than the ready pods can serve.
  package var isViolation: Bool { unserved > 0 }

  /// Scores a load for ready pods that can each serve `podCapacity`.
  package init(load: Double, readyPods: Int, podCapacity: Double) {
    let excess = load - Double(readyPods) * podCapacity
    unserved = excess > 1e-9 * podCapacity ? excess : 0
  }
}
