#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Keeps a plan within bounds that apply at known times, such as a sale on Friday evening or a quiet night.
///
///     let zone = try TimeZoneRules(named: "Europe/Berlin")
///     let sale = try ScheduledBounds.Rule(begins: CronExpression("30 19 * * fri"), duration: .seconds(7200), minReplicas: 40)
///     let policy = ScheduledBounds(standard, rules: [sale], zone: zone)
/// A period lasts for the rule's duration from its start. When the clocks change and skip the start, it starts right after the
/// change. A rule applies to each step that overlaps one of its periods, after everything that the wrapped policy does, so growth
/// and shrinkage limits do not apply to it. Where rules overlap, the largest minimum and the smallest maximum apply; a minimum
/// overrides a maximum. The lead time of the trigger starts the pods of a coming period in time.
public struct ScheduledBounds: AdjustableCapacityPolicy {
  /// Bounds that apply repeatedly for a certain time.
  public struct Rule: Sendable, Equatable {
    /// The start of each period.
    package var begins: CronExpression
    /// The duration of each period.
    package var duration: Duration
    /// The minimum replicas during a period.
    package var minReplicas: Int?
    /// The maximum replicas during a period.
    package var maxReplicas: Int?

    /// Creates a rule.
    public init(begins: CronExpression, duration: Duration, minReplicas: Int? = nil, maxReplicas: Int? = nil) {
      self.begins = begins
      self.duration = duration
      self.minReplicas = minReplicas
      self.maxReplicas = maxReplicas
    }
  }

  /// The wrapped policy.
  package let policy: any CapacityPolicy
  /// The rules.
  package let rules: [Rule]
  /// The time zone of their times.
  package let zone: TimeZoneRules

  /// Wraps a policy.
  public init(_ policy: any CapacityPolicy, rules: [Rule], zone: TimeZoneRules = .utc) {
    self.policy = policy
    self.rules = rules
    self.zone = zone
  }

  public var targetPerPod: Double { policy.targetPerPod }
  public var requiredQuantiles: [Double] { policy.requiredQuantiles }

  public func applying(_ change: CapacityChange) throws -> (any CapacityPolicy)? {
    try (policy as? any AdjustableCapacityPolicy)?.applying(change).map {
      ScheduledBounds($0, rules: rules, zone: zone)
    }
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
          !plan.steps[index].adjustments.contains(.scheduledMinimum)
        {
          plan.steps[index].replicas = most
          plan.steps[index].adjustments.insert(.scheduledMaximum)
          acted = true
        }
        if let least = rule.minReplicas, plan.steps[index].replicas < least {
          plan.steps[index].replicas = least
          plan.steps[index].load = max(plan.steps[index].load, Double(least) * targetPerPod)
          plan.steps[index].adjustments.insert(.scheduledMinimum)
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
