/// Plans for the current load instead of the forecast while the recent forecast error exceeds a limit, and states the reason.
///
///     let policy = AccuracyGate(try StandardCapacityPolicy(targetPerPod: 50), largestError: 0.5)
/// The reactive plan is that of the wrapped policy for a constant load, including headroom and all limits.
public struct AccuracyGate: AdjustableCapacityPolicy {
  /// The wrapped policy.
  package let policy: any CapacityPolicy
  /// The largest mean error, as a share of the load, at which the forecast is still used.
  package let largestError: Double

  /// Wraps a policy.
  ///
  /// - Precondition: `largestError` is positive.
  public init(_ policy: any CapacityPolicy, largestError: Double) {
    precondition(largestError > 0, "the largest error is positive")
    self.policy = policy
    self.largestError = largestError
  }

  public var targetPerPod: Double { policy.targetPerPod }
  public var requiredQuantiles: [Double] { policy.requiredQuantiles }

  public func plan(_ forecast: Forecast, from state: CapacityState) -> CapacityPlan {
    guard let error = state.forecastError, error > largestError, let load = state.currentLoad, load.isFinite else {
      return policy.plan(forecast, from: state)
    }
    var reactive = forecast
    reactive.values = Array(repeating: max(0, load), count: forecast.values.count)
    reactive.quantiles = .none
    var plan = policy.plan(reactive, from: state)
    for index in plan.steps.indices { plan.steps[index].adjustments.insert(.accuracyGate) }
    let told =
      "planned for the current load: the recent forecast error is \(percent(error)), more than \(percent(largestError))"
    plan.reason = plan.reason.map { "\(told); \($0)" } ?? told
    return plan
  }

  public func applying(_ change: CapacityChange) throws -> (any CapacityPolicy)? {
    try (policy as? any AdjustableCapacityPolicy)?.applying(change).map { AccuracyGate($0, largestError: largestError) }
  }

  private func percent(_ share: Double) -> String { "\(Int(min(share * 100, 1e6).rounded())) %" }
}
