import KedastralCore

/// The part of Kubernetes' HorizontalPodAutoscaler (autoscaling/v2) that computes replicas from a proposal: tolerance, the rate of
/// growth, and the stabilisation window for scaling down.
///
/// The defaults are Kubernetes': 10 % tolerance; up at once, by four pods or by 100 % per sync, whichever is more; down to the
/// largest proposal of the last 300 s. Every metric is processed by it, including one from a forecast.
public struct HorizontalAutoscaler: Sendable, Equatable {
  /// The time between two syncs.
  public static let syncPeriod: Duration = .seconds(15)

  /// What can be set in an autoscaler's `behavior`.
  public struct Behavior: Sendable, Equatable {
    /// The tolerance: the relative deviation of the usage from its target up to which nothing changes.
    public var tolerance: Double
    /// The stabilization window for scaling down.
    public var scaleDownStabilization: Duration
    /// The minimum replicas.
    public var minReplicas: Int
    /// The maximum replicas.
    public var maxReplicas: Int

    /// Creates a behaviour, by default that of Kubernetes except for the bounds.
    public init(
      tolerance: Double = 0.1, scaleDownStabilization: Duration = .seconds(300), minReplicas: Int = 1,
      maxReplicas: Int = 1000
    ) {
      self.tolerance = tolerance
      self.scaleDownStabilization = scaleDownStabilization
      self.minReplicas = minReplicas
      self.maxReplicas = maxReplicas
    }
  }

  /// The settings.
  public let behavior: Behavior
  private let stabilizationSyncs: Int
  /// The proposals of the stabilisation window before the current sync.
  private var proposals: [(sync: Int, replicas: Int)] = []

  /// Creates an autoscaler without history.
  public init(_ behavior: Behavior = Behavior()) {
    self.behavior = behavior
    stabilizationSyncs = Int(
      (behavior.scaleDownStabilization.inSeconds / Self.syncPeriod.inSeconds).rounded(.up))
  }

  /// The proposal of one metric.
  public struct Proposal: Sendable, Equatable {
    /// The requested replicas.
    public var replicas: Int
    /// The metric divided by its target with the current pods; 1 is exactly right.
    public var usageRatio: Double

    /// Creates a proposal.
    public init(replicas: Int, usageRatio: Double) {
      self.replicas = replicas
      self.usageRatio = usageRatio
    }

    /// The proposal of a metric that requires `pods` pods, while there are `current`.
    public init(pods: Double, current: Int) {
      self.init(
        replicas: Int((min(pods, 1e9) - 1e-9).rounded(.up)),
        usageRatio: current > 0 ? pods / Double(current) : .infinity)
    }
  }

  /// The replicas for a sync: the largest proposal of several metrics is used.
  ///
  /// - Parameters:
  ///   - asked: the proposals of the available metrics; if it is empty, the replicas stay.
  ///   - current: the existing replicas, including starting ones.
  ///   - sync: the number of this sync; numbers ascend.
  public mutating func replicas(for asked: Proposal..., current: Int, sync: Int) -> Int {
    let largest = asked.map { abs($0.usageRatio - 1) <= behavior.tolerance + 1e-9 ? current : $0.replicas }.max()
    guard let largest else { return current }
    return replicas(proposal: bound(largest), current: current, sync: sync)
  }

  private mutating func replicas(proposal: Int, current: Int, sync: Int) -> Int {
    proposals.removeAll { sync - $0.sync >= stabilizationSyncs }
    let largest = proposals.reduce(proposal) { max($0, $1.replicas) }
    proposals.append((sync, proposal))
    if proposal >= current { return bound(min(proposal, max(current + 4, current * 2))) }
    return bound(min(current, largest))
  }

  private func bound(_ replicas: Int) -> Int { min(max(replicas, behavior.minReplicas), behavior.maxReplicas) }

  public static func == (one: HorizontalAutoscaler, other: HorizontalAutoscaler) -> Bool {
    one.behavior == other.behavior && one.proposals.elementsEqual(other.proposals) { $0 == $1 }
  }
}
