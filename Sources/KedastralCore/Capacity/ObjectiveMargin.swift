/// The margin over a forecast's median that an objective needs: the distance of the quantile that the objective names, times a width.
///
/// The width is 1 where the forecast's quantiles are right. ``ObjectiveTracker`` learns it from the loads that came.
struct ObjectiveMargin {
  private let medians: [Double]
  private let distances: [Double]

  /// Reads the distances from a forecast; nil when it has too few quantiles.
  init?(_ forecast: Forecast, objective: Double, targetPerPod: Double) {
    medians = forecast.values
    var distances: [Double] = []
    for step in forecast.values.indices {
      guard let distribution = LoadDistribution(forecast, at: step) else { return nil }
      // Quantiles without any distance between them would leave nothing to widen.
      let least = max(0.02 * forecast.values[step], 0.1 * targetPerPod)
      distances.append(max(distribution.load(exceededWith: 1 - objective) - forecast.values[step], least))
    }
    self.distances = distances
  }

  /// The load to plan for.
  func load(at step: Int, width: Double) -> Double { medians[step] + width * distances[step] }

  /// What is kept of a step until its load is measured.
  subscript(step: Int) -> (median: Double, distance: Double) { (medians[step], distances[step]) }
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
