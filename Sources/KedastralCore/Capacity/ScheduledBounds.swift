#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Keeps a plan within bounds that hold at known times: a sale on Friday evening, a quiet night.
///
///     let zone = try TimeZoneRules(named: "Europe/Berlin")
///     let sale = try ScheduledBounds.Rule(begins: CronExpression("30 19 * * fri"), duration: .seconds(7200), minReplicas: 40)
///     let policy = ScheduledBounds(standard, rules: [sale], zone: zone)
///
/// A period lasts for the rule's duration from when it begins; where the clocks skip its beginning, it begins when they have gone
/// forward. A rule holds for each step that overlaps with one of its periods, and comes after everything that the wrapped policy
/// does: growth and shrinkage are not limited by it. Where rules overlap the largest minimum and the smallest maximum hold; a minimum
/// goes before a maximum. The lead time of a question brings the pods of a coming period up in time.
public struct ScheduledBounds: CapacityPolicy {
  /// Bounds that hold for a while, again and again.
  public struct Rule: Sendable, Equatable {
    /// When it begins to hold.
    public var begins: CronExpression
    /// For how long it holds.
    public var duration: Duration
    /// The fewest replicas meanwhile.
    public var minReplicas: Int?
    /// The most replicas meanwhile.
    public var maxReplicas: Int?

    /// Creates a rule.
    public init(begins: CronExpression, duration: Duration, minReplicas: Int? = nil, maxReplicas: Int? = nil) {
      self.begins = begins
      self.duration = duration
      self.minReplicas = minReplicas
      self.maxReplicas = maxReplicas
    }
  }

  /// What plans.
  public let policy: any CapacityPolicy
  /// The rules.
  public let rules: [Rule]
  /// The zone in which their times are told.
  public let zone: TimeZoneRules

  /// Wraps a policy.
  public init(_ policy: any CapacityPolicy, rules: [Rule], zone: TimeZoneRules = .utc) {
    self.policy = policy
    self.rules = rules
    self.zone = zone
  }

  public var targetPerPod: Double { policy.targetPerPod }
  public var quantileLevel: Double? { policy.quantileLevel }
  public var weighedLevels: [Double] { policy.weighedLevels }

  public func applying(_ change: CapacityChange) throws -> (any CapacityPolicy)? {
    try policy.applying(change).map { ScheduledBounds($0, rules: rules, zone: zone) }
  }

  public func plan(_ forecast: Forecast, from state: CapacityState) -> CapacityPlan {
    var plan = policy.plan(forecast, from: state)
    var acted = false
    for rule in rules {
      let periods = rule.begins.instants(
        from: forecast.start - rule.duration, to: forecast.start + forecast.step * plan.steps.count, in: zone
      ).map { $0..<$0 + rule.duration }
      for index in plan.steps.indices {
        let begin = forecast.start + forecast.step * index
        let step = begin..<begin + forecast.step
        guard periods.contains(where: { $0.overlaps(step) }) else { continue }
        if let most = rule.maxReplicas, plan.steps[index].replicas > most,
          !plan.steps[index].limits.contains(.scheduledMinimum)
        {
          plan.steps[index].replicas = most
          plan.steps[index].limits.insert(.scheduledMaximum)
          acted = true
        }
        if let least = rule.minReplicas, plan.steps[index].replicas < least {
          plan.steps[index].replicas = least
          plan.steps[index].load = max(plan.steps[index].load, Double(least) * targetPerPod)
          plan.steps[index].limits.insert(.scheduledMinimum)
          acted = true
        }
      }
    }
    if acted {
      plan.reason = [plan.reason, "a schedule bounds the replicas"].compactMap(\.self).joined(separator: "; ")
    }
    return plan
  }
}
