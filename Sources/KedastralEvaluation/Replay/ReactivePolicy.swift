import KedastralCore

/// A HorizontalPodAutoscaler that holds each pod's load at a share of what a pod can serve.
public struct ReactivePolicy: ReplayPolicy {
  /// `hpa`.
  public let name = "hpa"
  /// The utilisation target u, in (0, 1].
  public let utilization: Double
  /// The most load that a pod can serve.
  public let podCapacity: Double
  private var autoscaler: HorizontalAutoscaler

  /// Creates a policy.
  public init(
    utilization: Double, podCapacity: Double, behavior: HorizontalAutoscaler.Behavior = .init()
  ) {
    self.utilization = utilization
    self.podCapacity = podCapacity
    autoscaler = HorizontalAutoscaler(behavior)
  }

  public mutating func desiredReplicas(_ view: ReplayView) -> Int {
    // Without a metric, Kubernetes keeps the replicas.
    guard view.observedLoad.isFinite else { return view.orderedPods }
    let pods = view.observedLoad / (utilization * podCapacity)
    return autoscaler.replicas(
      for: HorizontalAutoscaler.Proposal(pods: pods, current: view.readyPods),
      current: view.orderedPods, sync: view.sync)
  }
}
