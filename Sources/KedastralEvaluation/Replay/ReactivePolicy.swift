import KedastralCore

/// A HorizontalPodAutoscaler that holds each pod's load at a share of what a pod can serve.
public struct ReactivePolicy: ReplayPolicy {
  /// `hpa`, or `hpa-unready` when pods that are not ready count.
  public let name: String
  /// The utilisation target u, in (0, 1].
  public let utilization: Double
  /// The most load that a pod can serve.
  public let podCapacity: Double
  /// Whether pods that are not ready count with a usage of 0 when the usage of the ready ones is above the target.
  private let countsUnready: Bool
  private var autoscaler: HorizontalAutoscaler

  /// Creates a policy.
  public init(
    utilization: Double, podCapacity: Double, behavior: HorizontalAutoscaler.Behavior = .init()
  ) {
    self.init(utilization: utilization, podCapacity: podCapacity, behavior: behavior, countsUnready: false)
  }

  /// Creates a policy.
  ///
  /// - Parameter countsUnready: whether pods that are not ready count as Kubernetes counts them for CPU: with a usage of 0
  ///   when the ready pods use more than the target. If that turns a rise into a fall, the replicas stay.
  package init(
    utilization: Double, podCapacity: Double, behavior: HorizontalAutoscaler.Behavior, countsUnready: Bool
  ) {
    name = countsUnready ? "hpa-unready" : "hpa"
    self.countsUnready = countsUnready
    self.utilization = utilization
    self.podCapacity = podCapacity
    autoscaler = HorizontalAutoscaler(behavior)
  }

  public mutating func desiredReplicas(_ view: ReplayView) -> Int {
    autoscaler.replicas(
      forLoad: view.observedLoad / podCapacity, utilization: utilization, ready: view.readyPods,
      ordered: view.orderedPods, countsUnready: countsUnready, sync: view.sync)
  }
}
