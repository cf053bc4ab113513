import KedastralCore

/// The effect of a policy on a service: how long it had too few pods, and the cost.
public struct ReplayFigures: Sendable, Equatable {
  /// The minutes that were measured and scored.
  public internal(set) var minutes = 0.0
  /// The minutes in which the load was more than the ready pods can serve.
  public internal(set) var violationMinutes = 0.0
  /// The load above what the ready pods can serve, times minutes.
  public internal(set) var unservedLoad = 0.0
  /// The load, times minutes.
  public internal(set) var load = 0.0
  /// The hours that pods existed, starting ones included.
  public internal(set) var podHours = 0.0
  /// The pod-hours of perfect foresight with the same startup.
  public internal(set) var oraclePodHours = 0.0

  /// The share of the minutes in violation, 0…1; NaN when none was scored.
  public var violationShare: Double { minutes > 0 ? violationMinutes / minutes : .nan }
  /// The share of the load that found no pod, 0…1; none of no load.
  public var unservedShare: Double { load > 0 ? unservedLoad / load : 0 }
  /// Pod-hours over those of perfect foresight; 1 is the least that serves everything, NaN when that needs no pod at all.
  public var oracleRatio: Double { oraclePodHours > 0 ? podHours / oraclePodHours : .nan }
  /// What the pods cost.
  public func cost(pricePerPodHour: Double) -> Double { podHours * pricePerPodHour }

  /// Scores one sync period.
  mutating func score(load: Double, readyPods: Int, orderedPods: Int, oraclePods: Int, podCapacity: Double) {
    guard load.isFinite else { return }
    let minutes = 1 / Double(ReplayLoad.syncsPerMinute)
    let score = SyncScore(load: load, readyPods: readyPods, podCapacity: podCapacity)
    self.minutes += minutes
    self.load += load * minutes
    if score.isViolation {
      violationMinutes += minutes
      unservedLoad += score.unserved * minutes
    }
    podHours += Double(orderedPods) * minutes / 60
    oraclePodHours += Double(oraclePods) * minutes / 60
  }
}
