import KedastralCore

/// Settings that are tried on a workload, as set by the page's sliders. Nil keeps a setting.
package struct PlanTuning: Sendable, Equatable {
  /// The load that one pod is meant to serve.
  package var targetPerPod: Double?
  /// The factor on the forecast.
  package var headroom: Double?
  /// The quantile of the forecast to plan for; 0 plans by headroom.
  package var quantileLevel: Double?
  /// The pod-minutes that a minute with too few pods is worth.
  package var shortageCost: Double?
  /// How long before the load the pods are requested.
  package var leadTime: Duration?
  /// The unit in which a ScaledObject's trigger is to be answered.
  package var mode: ScalingQuestion.Mode?
  /// The part of the plan that a ScaledObject's trigger is to be answered from.
  package var selection: ScalingQuestion.Selection?

  /// Reads `targetPerPod`, `headroom`, `quantile`, `shortageCost`, `leadTime`, `mode` and `select`.
  init(_ query: QueryString) throws(InvalidParameter) {
    targetPerPod = try query.number("targetPerPod", in: { $0 > 0 }, right: "a positive number")
    headroom = try query.number("headroom", in: { $0 > 0 }, right: "a positive number")
    quantileLevel = try query.number("quantile", in: { (0..<1).contains($0) }, right: "0 to 1 (1 excluded)")
    shortageCost = try query.number("shortageCost", in: { $0 > 0 }, right: "pod-minutes above 0")
    leadTime = try query.leadTime
    mode = try query.choice("mode")
    selection = try query.choice("select")
  }
}
