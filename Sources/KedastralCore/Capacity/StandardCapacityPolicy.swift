/// The capacity algorithm of the Go implementation: load with headroom (or a quantile) divided by the target, within limits.
///
/// For each step:
///
/// 1. Planned load: (a) the load that is exceeded in no more minutes than the objective allows, if one is set; (b) the load that the
///    number of pods with the least expected cost can serve, if a ``ShortageCost`` is set; (c) the quantile, if one is set;
///    (d) value × headroom, if none is set or the forecast lacks the quantiles.
/// 2. Required replicas: the largest planned load of this and the next `prewarmSteps` steps ÷ target, rounded.
/// 3. Limits: minimum and maximum; growth and shrinkage relative to the previous step; minimum and maximum again.
///
///     let policy = try StandardCapacityPolicy(targetPerPod: 50, headroom: 1.2, maxReplicas: 20)
///     policy.plan(forecast, from: .unknown).replicas
///
/// Laws: more load or headroom never results in fewer replicas; the plan stays within its bounds and change limits.
public struct StandardCapacityPolicy: AdjustableCapacityPolicy, Equatable {
  /// How fractional replicas are rounded.
  public enum Rounding: String, Sendable, CaseIterable {
    /// Up: the safe default.
    case ceil
    /// To the nearest whole number, halves up.
    case round
    /// Down.
    case floor
  }

  /// An invalid setting.
  public struct InvalidSetting: Error, Equatable, CustomStringConvertible {
    /// The problem, and what is expected.
    public let description: String
  }

  public let targetPerPod: Double
  /// The factor on the forecast when no quantile applies; 1.2 plans for 20 % more than forecast.
  public let headroom: Double
  public let quantileLevel: Double?
  /// The share of the minutes in which the pods should suffice; a workload's forecaster learns the margin for it.
  package let objective: Double?
  /// The cost of a minute with too few pods; the target is then the maximum load that a pod can serve.
  public let shortageCost: ShortageCost?
  /// The minimum replicas.
  public let minReplicas: Int
  /// The maximum replicas.
  public let maxReplicas: Int
  /// The maximum ratio of a step's replicas to those of the previous step (one more replica is always allowed).
  public let upMaxFactor: Double
  /// The maximum decrease of replicas from the previous step, in per cent (one fewer is allowed unless it is 0).
  public let downMaxPercent: Double
  /// The number of following steps whose load is included in each step.
  public let prewarmSteps: Int
  /// How fractional replicas are rounded.
  public let rounding: Rounding
  /// Whether the plan's first step has at least the replicas that the current load needs.
  public let hasReactiveFloor: Bool

  /// Creates a policy. At most one of `quantileLevel`, `shortageCost` and `objective` decides how much is planned for; without them
  /// `headroom` does.
  ///
  /// - Parameters:
  ///   - targetPerPod: the load that a pod carries, in the metric's unit; more than 0.
  ///   - headroom: the factor on the forecast; 1.2 plans for 20 % more.
  ///   - quantileLevel: the quantile of the forecast to plan for, such as 0.9.
  ///   - shortageCost: the cost of a minute with too few pods.
  ///   - minReplicas: the minimum replicas.
  ///   - maxReplicas: the maximum replicas.
  ///   - upMaxFactor: the maximum ratio of a step's replicas to those of the previous step.
  ///   - downMaxPercent: the maximum decrease of replicas from the previous step, in per cent.
  ///   - prewarmSteps: the number of following steps whose load is included in each step.
  ///   - rounding: how fractional replicas are rounded.
  ///   - hasReactiveFloor: whether the first step has at least the replicas that the current load needs.
  ///   - objective: the share of the minutes in which the pods should suffice, such as 0.999.
  /// - Throws: ``InvalidSetting`` with the first invalid setting.
  public init(
    targetPerPod: Double, headroom: Double = 1.2, quantileLevel: Double? = nil, shortageCost: ShortageCost? = nil,
    minReplicas: Int = 1, maxReplicas: Int = 100, upMaxFactor: Double = 2, downMaxPercent: Double = 50,
    prewarmSteps: Int = 0,
    rounding: Rounding = .ceil, hasReactiveFloor: Bool = false, objective: Double? = nil
  ) throws(InvalidSetting) {
    func check(_ isRight: Bool, _ text: @autoclosure () -> String) throws(InvalidSetting) {
      if !isRight { throw InvalidSetting(description: text()) }
    }
    try check(targetPerPod.isFinite && targetPerPod > 0, "targetPerPod is \(targetPerPod), expected more than 0")
    try check(headroom.isFinite && headroom > 0, "headroom is \(headroom), expected more than 0, such as 1.2")
    try check(quantileLevel.map { $0 > 0 && $0 < 1 } ?? true, "quantileLevel is not between 0 and 1")
    try check(objective.map { $0 > 0.5 && $0 < 1 } ?? true, "objective is not between 0.5 and 1")
    try check(minReplicas >= 0, "minReplicas is \(minReplicas), expected 0 or more")
    try check(maxReplicas >= minReplicas, "maxReplicas is \(maxReplicas), less than minReplicas (\(minReplicas))")
    try check(maxReplicas <= 1_000_000, "maxReplicas is \(maxReplicas), expected at most 1,000,000")
    try check(upMaxFactor.isFinite && upMaxFactor >= 1, "upMaxFactor is \(upMaxFactor), expected 1 or more")
    try check((0...100).contains(downMaxPercent), "downMaxPercent is \(downMaxPercent), expected 0 to 100")
    try check(prewarmSteps >= 0, "prewarmSteps is \(prewarmSteps), expected 0 or more")
    self.targetPerPod = targetPerPod
    self.headroom = headroom
    self.quantileLevel = quantileLevel
    self.shortageCost = shortageCost
    self.objective = objective
    self.minReplicas = minReplicas
    self.maxReplicas = maxReplicas
    self.upMaxFactor = upMaxFactor
    self.downMaxPercent = downMaxPercent
    self.prewarmSteps = prewarmSteps
    self.rounding = rounding
    self.hasReactiveFloor = hasReactiveFloor
  }

  public var requiredQuantiles: [Double] {
    [quantileLevel].compactMap(\.self) + (shortageCost == nil && objective == nil ? [] : Quantiles.fineLevels)
  }

  public func plan(_ forecast: Forecast, from state: CapacityState) -> CapacityPlan {
    let (loads, margin) = plannedLoads(forecast, from: state)
    var previous = state.replicas
    var steps: [CapacityPlan.Step] = []
    steps.reserveCapacity(loads.count)
    for index in loads.indices {
      var load = loads[index]
      var adjustments: Set<CapacityPlan.Adjustment> = []
      if hasReactiveFloor, index == 0, let current = state.currentLoad, current.isFinite, current > load {
        load = current
        adjustments.insert(.reactiveFloor)
      }
      let peak = max(load, loads[index...min(loads.count - 1, index + prewarmSteps)].max() ?? load)
      if peak > load { adjustments.insert(.prewarm) }
      let need = replicas(for: peak)
      let replicas = limit(bound(need, &adjustments), after: previous, &adjustments)
      steps.append(
        CapacityPlan.Step(load: load, need: need, replicas: replicas, adjustments: adjustments, margin: margin))
      previous = replicas
    }
    return CapacityPlan(steps: steps, bounds: minReplicas...maxReplicas)
  }

  /// The replicas that `load` needs, before any limit.
  public func replicas(for load: Double) -> Int {
    let exact = min(load / targetPerPod, 1e9)
    // A load that differs from a whole multiple of the target only by rounding errors needs no further pod.
    let rounded =
      switch rounding {
      case .ceil: (exact - 1e-9).rounded(.up)
      case .round: exact.rounded(.toNearestOrAwayFromZero)
      case .floor: (exact + 1e-9).rounded(.down)
      }
    return max(0, Int(rounded))
  }

  /// The load that a plan must exceed, or reach where replicas are rounded down, so that it has this many replicas.
  func leastLoad(for replicas: Double) -> Double {
    switch rounding {
    case .ceil: (replicas - 1) * targetPerPod
    case .round: (replicas - 0.5) * targetPerPod
    case .floor: replicas * targetPerPod
    }
  }

  public func applying(_ change: CapacityChange) throws -> (any CapacityPolicy)? {
    var (headroom, quantileLevel, shortageCost, objective) = (headroom, quantileLevel, shortageCost, objective)
    switch change.margin {
    case .headroom(let factor): (headroom, quantileLevel, shortageCost, objective) = (factor, nil, nil, nil)
    case .quantile(let level): (quantileLevel, shortageCost, objective) = (level, nil, nil)
    case .objective(let share): objective = share
    case .shortageCost(let podMinutes):
      guard podMinutes.isFinite, podMinutes > 0 else {
        throw InvalidSetting(description: "shortageCost is \(podMinutes), expected more than 0")
      }
      (shortageCost, objective) = (ShortageCost(podMinutes: podMinutes), nil)
    case nil: break
    }
    return try StandardCapacityPolicy(
      targetPerPod: change.targetPerPod ?? targetPerPod, headroom: headroom, quantileLevel: quantileLevel,
      shortageCost: shortageCost,
      minReplicas: change.minReplicas ?? minReplicas, maxReplicas: change.maxReplicas ?? maxReplicas,
      upMaxFactor: upMaxFactor, downMaxPercent: downMaxPercent, prewarmSteps: prewarmSteps, rounding: rounding,
      hasReactiveFloor: hasReactiveFloor, objective: objective)
  }

  private func plannedLoads(
    _ forecast: Forecast, from state: CapacityState
  ) -> (loads: [Double], margin: CapacityMargin) {
    if let objective, let margin = ObjectiveMargin(forecast, objective: objective, targetPerPod: targetPerPod) {
      let width = state.objectiveWidth ?? 1
      return (forecast.values.indices.map { max(0, margin.load(at: $0, width: width)) }, .objective(objective))
    }
    if let shortageCost,
      let pods = shortageCost.pods(for: forecast, capacity: targetPerPod, present: state.currentLoad)
    {
      return (pods.map { Double($0) * targetPerPod }, .shortageCost(shortageCost.podMinutes))
    }
    if let quantileLevel, let values = forecast.quantiles[quantileLevel], values.count == forecast.values.count {
      return (values, .quantile(quantileLevel))
    }
    return (forecast.values.map { $0 * headroom }, .headroom(headroom))
  }

  private func bound(_ replicas: Int, _ adjustments: inout Set<CapacityPlan.Adjustment>) -> Int {
    if replicas < minReplicas {
      adjustments.insert(.minimum)
      return minReplicas
    }
    if replicas > maxReplicas {
      adjustments.insert(.maximum)
      return maxReplicas
    }
    return replicas
  }

  private func limit(_ replicas: Int, after previous: Int?, _ adjustments: inout Set<CapacityPlan.Adjustment>) -> Int {
    guard let previous else { return replicas }
    let most = max(Int(min(Double(previous) * upMaxFactor, 1e9)), previous + 1)
    let drop = downMaxPercent > 0 ? max(1, Int(Double(previous) * downMaxPercent / 100)) : 0
    let least = previous - drop
    if replicas > most {
      adjustments.insert(.growth)
      return bound(most, &adjustments)
    }
    if replicas < least {
      adjustments.insert(.shrinkage)
      return bound(least, &adjustments)
    }
    return replicas
  }
}

extension CapacityPolicy where Self == StandardCapacityPolicy {
  /// The standard policy: load with headroom over the load that one pod serves, within limits.
  ///
  /// - Parameters:
  ///   - targetPerPod: the load that one pod serves.
  ///   - headroom: the factor on the forecast; 1.2 plans for a fifth more than expected.
  ///   - minReplicas: the fewest replicas.
  ///   - maxReplicas: the most replicas.
  /// - Throws: ``StandardCapacityPolicy/InvalidSetting`` naming the first setting that is invalid.
  public static func standard(
    targetPerPod: Double, headroom: Double = 1.2, minReplicas: Int = 1, maxReplicas: Int = 100
  ) throws(StandardCapacityPolicy.InvalidSetting) -> StandardCapacityPolicy {
    try StandardCapacityPolicy(
      targetPerPod: targetPerPod, headroom: headroom, minReplicas: minReplicas, maxReplicas: maxReplicas)
  }
}
