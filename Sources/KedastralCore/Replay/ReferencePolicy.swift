#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The reference implementation of predictive scaling, as a peer: its baseline model, its capacity algorithm, and its answer,
/// which is the plan at the lead time after the forecast alone, however old the forecast has become.
public struct ReferencePolicy: ReplayPolicy {
  /// `reference`.
  public let name = "reference"
  public let forecastNeed: ForecastNeed?
  private let policy: StandardCapacityPolicy
  private let leadSteps: Int
  private var replicas: [Int] = []
  private var autoscaler: HorizontalAutoscaler

  /// Creates a policy with the reference's settings: half an hour of history, the same ahead, a lead time of five minutes.
  public init(
    policy: StandardCapacityPolicy, leadTime: Duration = .seconds(300), step: Duration = .seconds(60),
    behavior: HorizontalAutoscaler.Behavior = .init()
  ) {
    self.policy = policy
    leadSteps = Int(leadTime.inSeconds / step.inSeconds)
    forecastNeed = ForecastNeed(model: ReferenceBaseline(), horizon: .seconds(1800), quantileLevels: [])
    autoscaler = HorizontalAutoscaler(behavior)
  }

  public mutating func receive(_ forecast: Forecast, from history: TimeSeries, at now: Date) {
    let state = CapacityState(replicas: replicas.first ?? policy.minReplicas)
    replicas = policy.plan(forecast, from: state).replicas
  }

  public mutating func desiredReplicas(_ view: ReplayView) -> Int {
    guard !replicas.isEmpty else { return view.orderedPods }
    let answer = replicas[min(leadSteps, replicas.count - 1)]
    return autoscaler.replicas(
      for: HorizontalAutoscaler.Proposal(pods: Double(answer), current: view.orderedPods), current: view.orderedPods,
      sync: view.sync)
  }
}
