/// The capacity algorithm of the reference implementation: load with headroom (or a quantile) over target, within limits.
///
/// For each step: load ← what the pods of least expected cost serve if a ``ShortageCost`` is set, the quantile if one is set, and
/// the forecast has what it takes, else value × headroom; need ← the largest load
/// of this and the next `prewarmSteps` steps ÷ target, rounded; then bounds, then the limits of change against the step
/// before, then bounds again.
///
///     let policy = try StandardCapacityPolicy(targetPerPod: 50, headroom: 1.2, maxReplicas: 20)
///     policy.plan(forecast, from: .unknown).replicas
///
/// Laws: more load or headroom never gives fewer replicas; the plan stays within its bounds and limits of change.
public struct StandardCapacityPolicy: CapacityPolicy, Equatable {
  /// How a fractional need becomes whole replicas.
  public enum Rounding: String, Sendable, CaseIterable {
    /// Up: the safe default.
    case ceil
    /// To the nearest, halves up.
    case round
    /// Down.
    case floor
  }

  /// A setting that makes no sense.
  public struct InvalidSetting: Error, Equatable, CustomStringConvertible {
    /// What is wrong, and what would be right.
    public let description: String
  }

  public let targetPerPod: Double
  /// What the forecast is multiplied with when no quantile applies; 1.2 plans for a fifth more than expected.
  public let headroom: Double
  public let quantileLevel: Double?
  /// What a minute with too few pods costs; the target is then the most load that a pod can serve.
  public let shortageCost: ShortageCost?
  /// The fewest replicas, ever.
  public let minReplicas: Int
  /// The most replicas, ever.
  public let maxReplicas: Int
  /// How many times as many replicas a step may have as the step before (one more is always allowed).
  public let upMaxFactor: Double
  /// How many per cent fewer replicas a step may have than the step before (one fewer is allowed unless it is 0).
  public let downMaxPercent: Double
  /// How many steps ahead of a rise its replicas are planned.
  public let prewarmSteps: Int
  /// How a fractional need becomes whole replicas.
  public let rounding: Rounding
  /// Whether the plan's first step is never below what the current load needs.
  public let hasReactiveFloor: Bool

  /// Creates a policy.
  ///
  /// - Throws: ``InvalidSetting`` naming the first setting that makes no sense.
  public init(
    targetPerPod: Double, headroom: Double = 1.2, quantileLevel: Double? = nil, shortageCost: ShortageCost? = nil,
    minReplicas: Int = 1, maxReplicas: Int = 100, upMaxFactor: Double = 2, downMaxPercent: Double = 50,
    prewarmSteps: Int = 0,
    rounding: Rounding = .ceil, hasReactiveFloor: Bool = false
  ) throws(InvalidSetting) {
    func check(_ isRight: Bool, _ text: @autoclosure () -> String) throws(InvalidSetting) {
      if !isRight { throw InvalidSetting(description: text()) }
    }
    try check(targetPerPod.isFinite && targetPerPod > 0, "targetPerPod is \(targetPerPod), expected more than 0")
    try check(headroom.isFinite && headroom > 0, "headroom is \(headroom), expected more than 0, such as 1.2")
    try check(quantileLevel.map { $0 > 0 && $0 < 1 } ?? true, "quantileLevel is not between 0 and 1")
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
    self.minReplicas = minReplicas
    self.maxReplicas = maxReplicas
    self.upMaxFactor = upMaxFactor
    self.downMaxPercent = downMaxPercent
    self.prewarmSteps = prewarmSteps
    self.rounding = rounding
    self.hasReactiveFloor = hasReactiveFloor
  }

  public var weighedLevels: [Double] { shortageCost == nil ? [] : Quantiles.fineLevels }

  public func plan(_ forecast: Forecast, from state: CapacityState) -> CapacityPlan {
    let (loads, margin) = plannedLoads(forecast, present: state.currentLoad)
    var previous = state.replicas
    var steps: [CapacityPlan.Step] = []
    steps.reserveCapacity(loads.count)
    for index in loads.indices {
      var load = loads[index]
      var limits: CapacityPlan.Limits = []
      if hasReactiveFloor, index == 0, let current = state.currentLoad, current.isFinite, current > load {
        load = current
        limits.insert(.reactiveFloor)
      }
      let peak = max(load, loads[index...min(loads.count - 1, index + prewarmSteps)].max() ?? load)
      if peak > load { limits.insert(.prewarm) }
      let need = replicas(for: peak)
      let replicas = limit(bound(need, &limits), after: previous, &limits)
      steps.append(CapacityPlan.Step(load: load, need: need, replicas: replicas, limits: limits, margin: margin))
      previous = replicas
    }
    return CapacityPlan(steps: steps, bounds: minReplicas...maxReplicas)
  }

  /// The replicas that `load` needs, before any limit.
  public func replicas(for load: Double) -> Int {
    let exact = min(load / targetPerPod, 1e9)
    // A load that is a whole multiple of the target but for its last bits needs no further pod.
    let rounded =
      switch rounding {
      case .ceil: (exact - 1e-9).rounded(.up)
      case .round: exact.rounded(.toNearestOrAwayFromZero)
      case .floor: (exact + 1e-9).rounded(.down)
      }
    return max(0, Int(rounded))
  }

  public func applying(_ change: CapacityChange) throws -> (any CapacityPolicy)? {
    var (headroom, quantileLevel, shortageCost) = (headroom, quantileLevel, shortageCost)
    switch change.margin {
    case .headroom(let factor): (headroom, quantileLevel, shortageCost) = (factor, nil, nil)
    case .quantile(let level): (quantileLevel, shortageCost) = (level, nil)
    case .shortageCost(let podMinutes):
      guard podMinutes.isFinite, podMinutes > 0 else {
        throw InvalidSetting(description: "shortageCost is \(podMinutes), expected more than 0")
      }
      shortageCost = ShortageCost(podMinutes: podMinutes)
    case nil: break
    }
    return try StandardCapacityPolicy(
      targetPerPod: change.targetPerPod ?? targetPerPod, headroom: headroom, quantileLevel: quantileLevel,
      shortageCost: shortageCost,
      minReplicas: change.minReplicas ?? minReplicas, maxReplicas: change.maxReplicas ?? maxReplicas,
      upMaxFactor: upMaxFactor, downMaxPercent: downMaxPercent, prewarmSteps: prewarmSteps, rounding: rounding,
      hasReactiveFloor: hasReactiveFloor)
  }

  private func plannedLoads(
    _ forecast: Forecast, present: Double?
  ) -> (loads: [Double], margin: CapacityMargin) {
    if let shortageCost, let pods = shortageCost.pods(for: forecast, capacity: targetPerPod, present: present) {
      return (pods.map { Double($0) * targetPerPod }, .shortageCost(shortageCost.podMinutes))
    }
    if let quantileLevel, let values = forecast.quantiles[quantileLevel], values.count == forecast.values.count {
      return (values, .quantile(quantileLevel))
    }
    return (forecast.values.map { $0 * headroom }, .headroom(headroom))
  }

  private func bound(_ replicas: Int, _ limits: inout CapacityPlan.Limits) -> Int {
    if replicas < minReplicas {
      limits.insert(.minimum)
      return minReplicas
    }
    if replicas > maxReplicas {
      limits.insert(.maximum)
      return maxReplicas
    }
    return replicas
  }

  private func limit(_ replicas: Int, after previous: Int?, _ limits: inout CapacityPlan.Limits) -> Int {
    guard let previous else { return replicas }
    let most = max(Int(min(Double(previous) * upMaxFactor, 1e9)), previous + 1)
    let drop = downMaxPercent > 0 ? max(1, Int(Double(previous) * downMaxPercent / 100)) : 0
    let least = previous - drop
    if replicas > most {
      limits.insert(.growth)
      return bound(most, &limits)
    }
    if replicas < least {
      limits.insert(.shrinkage)
      return bound(least, &limits)
    }
    return replicas
  }
}
