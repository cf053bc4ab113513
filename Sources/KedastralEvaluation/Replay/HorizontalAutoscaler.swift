import KedastralCore

/// The part of Kubernetes' HorizontalPodAutoscaler (autoscaling/v2) that turns a proposal into replicas: tolerance, the rate of
/// growth, and the stabilisation of falls.
///
/// The defaults are Kubernetes': 10 % tolerance; up at once, by four pods or by 100 % a sync, whichever is more; down to the
/// largest proposal of the last 300 s. Whatever scales by a metric passes through it, a forecast's answer too.
public struct HorizontalAutoscaler: Sendable, Equatable {
  /// The time between two syncs.
  public static let syncPeriod: Duration = .seconds(15)

  /// What can be set in an autoscaler's `behavior`.
  public struct Behavior: Sendable, Equatable {
    /// How far the usage may be off its target, as a share, before anything changes.
    public var tolerance: Double
    /// For how long a fall waits.
    public var scaleDownStabilization: Duration
    /// The fewest replicas.
    public var minReplicas: Int
    /// The most replicas.
    public var maxReplicas: Int

    /// Creates a behaviour; Kubernetes' own but for the bounds.
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
  /// The proposals of the stabilisation window before the present sync.
  private var proposals: [(sync: Int, replicas: Int)] = []

  /// Creates an autoscaler that has seen nothing yet.
  public init(_ behavior: Behavior = Behavior()) {
    self.behavior = behavior
    stabilizationSyncs = Int(
      (behavior.scaleDownStabilization.inSeconds / Self.syncPeriod.inSeconds).rounded(.up))
  }

  /// What one metric asks for.
  public struct Proposal: Sendable, Equatable {
    /// The replicas it asks for.
    public var replicas: Int
    /// The metric over its target with the present pods; 1 is just right.
    public var usageRatio: Double

    /// Creates a proposal.
    public init(replicas: Int, usageRatio: Double) {
      self.replicas = replicas
      self.usageRatio = usageRatio
    }

    /// What a metric asks for that is worth `pods` pods, while there are `current`.
    public init(pods: Double, current: Int) {
      self.init(
        replicas: Int((min(pods, 1e9) - 1e-9).rounded(.up)),
        usageRatio: current > 0 ? pods / Double(current) : .infinity)
    }
  }

  /// The replicas for a sync: of several metrics the largest proposal wins.
  ///
  /// - Parameters:
  ///   - asked: what each metric that is there asks for; without any the replicas stay.
  ///   - current: the replicas that there are, starting ones included.
  ///   - sync: the number of this sync; they come in ascending order.
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
