/// What a scorecard compares with, and how.
package struct ScorecardSettings: Sendable, Equatable {
  /// How far ahead the plan is asked for replicas.
  package var leadTime: Duration
  /// The time from a pod's creation to its first request.
  package var startup: Duration
  /// The HPA's target share of what a pod can serve.
  package var utilization: Double
  /// The age from which a plan is not served; nil for two intervals of the workload.
  package var staleAfter: Duration?
  /// The price of a pod-hour; nil when it is unknown.
  package var price: Double?

  /// Creates settings.
  package init(
    leadTime: Duration = .seconds(300), startup: Duration = .seconds(180), utilization: Double = 0.7,
    staleAfter: Duration? = nil, price: Double? = nil
  ) {
    self.leadTime = leadTime
    self.startup = startup
    self.utilization = utilization
    self.staleAfter = staleAfter
    self.price = price
  }
}
