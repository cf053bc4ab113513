import KedastralCore

/// Settings that are tried on a workload, as set by the page's sliders. Nil keeps a setting.
package struct PlanTuning: Sendable, Equatable {
  /// The settings of the policy; the quantile 0 plans by headroom.
  package var policy: CapacityChange
  /// How long before the load the pods are requested.
  package var leadTime: Duration?
  /// The unit in which a ScaledObject's trigger is to be answered.
  package var mode: ScalingQuestion.Mode?
  /// The part of the plan that a ScaledObject's trigger is to be answered from.
  package var selection: ScalingQuestion.Selection?

  /// Reads the settings of a ``CapacityChange``, and `leadTime`, `mode` and `select`.
  init(_ query: QueryString) throws(InvalidParameter) {
    policy = try CapacityChange(query)
    leadTime = try query.leadTime
    mode = try query.choice("mode")
    selection = try query.choice("select")
  }
}

extension CapacityChange {
  /// Reads `targetPerPod`, `min`, `max`, and one of `headroom`, `quantile` and `shortageCost`; of several, the last one.
  init(_ query: QueryString) throws(InvalidParameter) {
    self.init(
      targetPerPod: try query.number("targetPerPod", in: { $0 > 0 }, right: "a positive number"),
      minReplicas: try query.count("min"), maxReplicas: try query.count("max"))
    if let factor = try query.number("headroom", in: { $0 > 0 }, right: "a positive number") {
      margin = .headroom(factor)
    }
    if let level = try query.number("quantile", in: { (0..<1).contains($0) }, right: "0 to 1 (1 excluded)") {
      margin = .quantile(level)
    }
    if let cost = try query.number("shortageCost", in: { $0 > 0 }, right: "pod-minutes above 0") {
      margin = .shortageCost(cost)
    }
  }
}
