import KedastralCore

/// Perfect foresight: the fewest pods that serve every minute's load, each created just in time for its startup.
///
/// At any time it has the maximum of the pods needed until one startup time later, because a missing pod could not start in time.
public struct OraclePolicy: ReplayPolicy {
  /// `oracle`.
  public let name = "oracle"
  /// The pods of each sync.
  private let plan: [Int]

  /// Creates the policy for one load and one kind of pod.
  public init(_ load: ReplayLoad, podCapacity: Double, startup: Duration, minReplicas: Int = 1) {
    self.init(load, podCapacity: podCapacity, startup: startup, minReplicas: minReplicas, maxReplicas: .max)
  }

  /// The same with an upper limit, which it obeys also where the load needs more.
  package init(_ load: ReplayLoad, podCapacity: Double, startup: Duration, minReplicas: Int, maxReplicas: Int) {
    var needs: [Int] = []
    needs.reserveCapacity(load.minutes.count)
    for value in load.minutes.values {
      let known = value.isFinite ? Int((min(value / podCapacity, 1e9) - 1e-9).rounded(.up)) : needs.last ?? 0
      needs.append(min(max(known, minReplicas), maxReplicas))
    }
    let ahead = ReplayLoad.syncs(in: startup)
    let perMinute = ReplayLoad.syncsPerMinute
    plan = (0..<needs.count * perMinute).map { sync in
      let last = min(needs.count - 1, (sync + ahead) / perMinute)
      return needs[sync / perMinute...last].reduce(0, max)
    }
  }

  public func desiredReplicas(_ view: ReplayView) -> Int { replicas(atSync: view.sync) }

  /// The pods of a sync.
  public func replicas(atSync sync: Int) -> Int { plan.isEmpty ? 0 : plan[min(max(0, sync), plan.count - 1)] }
}
