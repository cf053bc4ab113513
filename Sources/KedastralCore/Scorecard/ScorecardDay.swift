/// One UTC day of a scorecard. Times are counted in syncs of 15 s.
struct ScorecardDay: Sendable, Equatable {
  /// The days since the Unix epoch.
  var day: Int
  /// The syncs whose load was measured.
  var measured = 0
  /// The measured syncs in which the HPA's ready pods could not serve the load.
  var autoscalerViolations = 0
  /// The sum of the HPA's pods over the measured syncs.
  var autoscalerPods = 0
  /// The measured syncs in which the plan's ready pods could not serve the load.
  var planViolations = 0
  /// The sum of the plan's pods over the measured syncs.
  var planPods = 0
  /// The syncs in which limits kept the plan below what the load required.
  var capped = 0
  /// The syncs in which the plan was based on the forecast alone.
  var bridged = 0
  /// The forecasts that were compared with the load that came.
  var compared = 0
  /// Those of them that had a 0.9 quantile.
  var comparedQuantiles = 0
  /// The loads at or below the 0.9 quantile of their forecast.
  var covered = 0
  /// The sum of the absolute errors.
  var error = 0.0
  /// The sum of the loads that came.
  var load = 0.0

  /// The measured syncs whose real pods are known.
  var realMeasured: Int32 = 0
  /// Those of them in which the real pods could not serve the load.
  var realViolations: Int32 = 0
  /// The sum of the real ready pods over them.
  var realPods = 0

  init(day: Int) { self.day = day }

  /// Counts a measured sync whose ready pods are known.
  ///
  /// - Parameter load: the load in pods.
  mutating func addReal(_ ready: Int, load: Double) {
    realMeasured += 1
    realPods += ready
    realViolations += SyncScore(load: load, readyPods: ready, podCapacity: 1).isViolation ? 1 : 0
  }

  /// All numbers in the order in which they are stored; those of real pods are left out when there are none.
  var numbers: [Double] {
    [
      Double(day), Double(measured), Double(autoscalerViolations), Double(autoscalerPods), Double(planViolations),
      Double(planPods), Double(capped), Double(bridged), Double(compared), Double(comparedQuantiles), Double(covered),
      error, load,
    ] + (realMeasured == 0 ? [] : [Double(realMeasured), Double(realViolations), Double(realPods)])
  }

  /// Reads stored numbers; nil when they are not those of a day.
  init?(_ numbers: [Double]) {
    guard numbers.count == 13 || numbers.count == 16, numbers.allSatisfy({ $0.isFinite && $0 >= 0 && $0 < 1e300 })
    else { return nil }
    let counts = (numbers.prefix(11) + numbers.dropFirst(13)).map { Int(min($0, 1e15)) }
    self.init(day: counts[0])
    (measured, autoscalerViolations, autoscalerPods) = (counts[1], counts[2], counts[3])
    (planViolations, planPods, capped, bridged) = (counts[4], counts[5], counts[6], counts[7])
    (compared, comparedQuantiles, covered) = (counts[8], counts[9], counts[10])
    (error, load) = (numbers[11], numbers[12])
    if counts.count == 14 {
      (realMeasured, realViolations) = (Int32(clamping: counts[11]), Int32(clamping: counts[12]))
      realPods = counts[13]
    }
    let syncs = 24 * 60 * SimulatedAutoscaler.syncsPerMinute
    guard measured <= syncs, capped <= syncs, bridged <= syncs, max(autoscalerViolations, planViolations) <= measured,
      covered <= comparedQuantiles, comparedQuantiles <= compared, Int(realMeasured) <= measured,
      realViolations <= realMeasured
    else { return nil }
  }

  /// Adds the counts of another day.
  static func += (sum: inout ScorecardDay, other: ScorecardDay) {
    sum.measured += other.measured
    sum.autoscalerViolations += other.autoscalerViolations
    sum.autoscalerPods += other.autoscalerPods
    sum.planViolations += other.planViolations
    sum.planPods += other.planPods
    sum.capped += other.capped
    sum.bridged += other.bridged
    sum.compared += other.compared
    sum.comparedQuantiles += other.comparedQuantiles
    sum.covered += other.covered
    sum.error += other.error
    sum.load += other.load
    sum.realMeasured += other.realMeasured
    sum.realViolations += other.realViolations
    sum.realPods += other.realPods
  }
}
