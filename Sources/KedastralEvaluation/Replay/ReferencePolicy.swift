import KedastralCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The Go implementation (since its 0.1.3) as a peer: its baseline model, its capacity algorithm, and its answer.
///
/// The answer is the maximum of the plan's steps from its first one to the lead time, counted from the plan's generation, however
/// old the plan has become: staleness (twice the lead time) only makes a trigger inactive, which moves no replicas above zero.
public struct ReferencePolicy: ReplayPolicy {
  /// `reference`.
  public let name = "reference"
  public let forecastNeed: ForecastNeed?
  private let policy: StandardCapacityPolicy
  private let leadSteps: Int
  private var replicas: [Int] = []
  private var autoscaler: HorizontalAutoscaler

  /// Creates a policy with the Go implementation's defaults: half an hour of history, the same ahead, a lead time of five minutes.
  public init(
    policy: StandardCapacityPolicy, leadTime: Duration = .seconds(300), step: Duration = .seconds(60),
    behavior: HorizontalAutoscaler.Behavior = .init()
  ) {
    self.policy = policy
    leadSteps = max(0, Int(leadTime.inSeconds / step.inSeconds))
    forecastNeed = ForecastNeed(model: ReferenceBaseline(), horizon: .seconds(1800), quantileLevels: [])
    autoscaler = HorizontalAutoscaler(behavior)
  }

  public mutating func receive(_ forecast: Forecast, from history: TimeSeries, at now: Date) {
    let state = CapacityState(replicas: replicas.first ?? policy.minReplicas)
    replicas = policy.plan(forecast, from: state).replicas
  }

  public mutating func desiredReplicas(_ view: ReplayView) -> Int {
    guard !replicas.isEmpty else { return view.orderedPods }
    let answer = replicas[...min(leadSteps, replicas.count - 1)].reduce(0, max)
    return autoscaler.replicas(
      for: HorizontalAutoscaler.Proposal(pods: Double(answer), current: view.orderedPods), current: view.orderedPods,
      sync: view.sync)
  }
}
