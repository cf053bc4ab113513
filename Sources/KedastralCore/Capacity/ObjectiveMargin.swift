/// The margin over a forecast's median that an objective needs: the distance of the quantile that the objective names, times a width.
///
/// The width is 1 where the forecast's quantiles are right. ``ObjectiveTracker`` learns it from the loads that came.
struct ObjectiveMargin {
  private let medians: [Double]
  private let loads: LoadDistributions
  private let objective: Double
  private let targetPerPod: Double

  /// The margins over a forecast; nil when it has too few quantiles.
  init?(_ forecast: Forecast, objective: Double, targetPerPod: Double) {
    guard let loads = LoadDistributions(forecast) else { return nil }
    (self.loads, medians) = (loads, forecast.values)
    (self.objective, self.targetPerPod) = (objective, targetPerPod)
  }

  /// The distance of the objective's quantile from the median.
  func distance(at step: Int) -> Double {
    let median = medians[step]
    // Quantiles without any distance between them would leave nothing to widen.
    let least = max(0.02 * median, 0.1 * targetPerPod)
    return max(loads[step].load(exceededWith: 1 - objective) - median, least)
  }

  /// The load to plan for.
  func load(at step: Int, width: Double) -> Double { medians[step] + width * distance(at: step) }
}

extension CapacityPolicy {
  /// The standard policy with an objective that this policy is or wraps.
  var objectivePolicy: StandardCapacityPolicy? {
    switch self {
    case let policy as StandardCapacityPolicy: policy.objective == nil ? nil : policy
    case let gate as AccuracyGate: gate.policy.objectivePolicy
    case let bounds as ScheduledBounds: bounds.policy.objectivePolicy
    default: nil
    }
  }
}
