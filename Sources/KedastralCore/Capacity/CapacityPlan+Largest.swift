/// Combines the plans of several metrics of one workload, such as requests and queue length: each step has the largest need.
///
///     let plan = CapacityPlan.largest(of: [
///       (requestPolicy.plan(requests, from: state), requestPolicy.targetPerPod),
///       (queuePolicy.plan(queue, from: state), queuePolicy.targetPerPod),
///     ])
extension CapacityPlan {
  /// The plan of the largest need at each step.
  /// Loads are converted to the unit of the first metric: the load of it that needs as many pods. The plan is as long as the
  /// shortest one.
  /// - Parameter parts: a plan for each metric, with the metric's target per pod.
  public static func largest(of parts: [(plan: CapacityPlan, targetPerPod: Double)]) -> CapacityPlan {
    guard let first = parts.first else { return CapacityPlan(steps: []) }
    let count = parts.map(\.plan.steps.count).min() ?? 0
    var steps: [Step] = []
    for index in 0..<count {
      var winner = first.plan.steps[index]
      for (metric, part) in parts.enumerated().dropFirst() {
        var step = part.plan.steps[index]
        step.metric = metric
        step.load *= first.targetPerPod / part.targetPerPod
        let load = max(winner.load, step.load)
        if (step.replicas, step.need) > (winner.replicas, winner.need) { winner = step }
        winner.load = load
      }
      steps.append(winner)
    }
    let reasons = parts.compactMap(\.plan.reason)
    let bounds = parts.compactMap(\.plan.bounds)
    return CapacityPlan(
      steps: steps, reason: reasons.isEmpty ? nil : reasons.joined(separator: "; "),
      bounds: bounds.dropFirst().reduce(bounds.first) { joined, next in
        joined.map { max($0.lowerBound, next.lowerBound)...max($0.upperBound, next.upperBound) }
      })
  }
}
