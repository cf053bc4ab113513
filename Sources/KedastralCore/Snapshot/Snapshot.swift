#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A workload's forecast and plan at one moment: what is stored, served and shown.
///
/// Index `i` of every array is the step that ends `(i + 1)·step` after `generatedAt`. A snapshot is consistent: each array has
/// one value for each step, there is at least one step, and all numbers are finite. What breaks these rules cannot be built.
public struct Snapshot: Sendable, Equatable {
  /// The workload.
  public let workload: WorkloadName
  /// The name of the metric that was forecast.
  public var metric: String
  /// When it was made; the plan's time axis begins here.
  public let generatedAt: Date
  /// The length of a step.
  public let step: Duration
  /// How far the plan reaches.
  public let horizon: Duration
  /// The forecast load.
  public package(set) var values: [Double]
  /// The planned replicas.
  public package(set) var desiredReplicas: [Int]
  /// The forecast's quantiles, as far as the model gives them.
  public package(set) var quantiles: Quantiles
  /// The load that the plan is made for (quantile or headroom applied); empty when the writer did not say.
  public package(set) var plannedLoad: [Double]
  /// The model.
  public var model: String?
  /// The last load that was measured; nil when it was measured too long ago to be the current one.
  public package(set) var currentValue: Double?
  /// The load one pod is meant to serve.
  public package(set) var targetPerPod: Double?
  /// The initial state of the plan, from which a restarted forecaster resumes.
  public package(set) var capacityState: CapacityState?
  /// How good recent forecasts were.
  public var accuracy: Accuracy?
  /// Why the forecast and plan look as they do.
  public var reason: String?
  /// Whether the plan is a dry run, which is not served.
  public var isDryRun = false
  /// The planned load above which the workload is active, for triggers that do not say; nil: whenever the plan is fresh.
  public package(set) var activationThreshold: Double?

  /// When the newest sample behind the plan was measured; nil when the writer did not say.
  public var newestSampleAt: Date?
  /// Set when no sample has come for too long and the plan follows the forecast alone: until when it is served.
  public var bridgedUntil: Date?
  /// The last error of the workload's source; nil when it answered.
  public var problem: String?
  /// The replicas that each step requires, before any limit; empty when the writer did not say.
  public package(set) var requiredReplicas: [Int]
  /// The fewest replicas that the policy allows; nil when the writer did not say.
  public package(set) var minReplicas: Int?
  /// The most replicas that the policy allows; nil when the writer did not say.
  public package(set) var maxReplicas: Int?

  /// Live accuracy of a workload's forecasts.
  public struct Accuracy: Sendable, Equatable, Codable {
    /// Mean absolute scaled error of recent forecasts: 1 is as good as repeating the season before.
    public var mase: Double?
    /// Mean absolute error of recent forecasts over the mean load: 0.2 is a fifth off.
    public var relativeError: Double?
    /// The share of recent loads that stayed below a quantile, by level ("0.9").
    public var coverage: [String: Double]?
    /// The share of the history's samples that were missing and filled in, 0…1.
    public var repairedShare: Double?
    /// What the forecast is combined from, by models that combine: weights and recent errors.
    public var members: [Forecast.Member]?

    /// Creates an accuracy record.
    public init(
      mase: Double? = nil, relativeError: Double? = nil, coverage: [String: Double]? = nil,
      repairedShare: Double? = nil,
      members: [Forecast.Member]? = nil
    ) {
      self.members = members
      self.mase = mase
      self.relativeError = relativeError
      self.coverage = coverage
      self.repairedShare = repairedShare
    }
  }

  /// Creates a snapshot.
  ///
  /// - Parameters:
  ///   - workload: the workload.
  ///   - metric: the name of the metric that was forecast.
  ///   - generatedAt: where the plan's time axis begins; kept to the millisecond, as its text form is.
  ///   - step: the length of a step, from a millisecond.
  ///   - horizon: how far the plan reaches.
  ///   - values: the forecast load of each step.
  ///   - desiredReplicas: the planned replicas of each step.
  ///   - quantiles: the forecast's quantiles.
  ///   - plannedLoad: the load of each step that the plan is made for; may be empty.
  ///   - requiredReplicas: the replicas that each step requires before any limit; may be empty.
  ///   - bounds: the fewest and the most replicas that the policy allows.
  ///   - model: the name of the model.
  ///   - currentValue: the last measured load.
  ///   - targetPerPod: the load that one pod is meant to serve.
  ///   - capacityState: where the plan began.
  ///   - activationThreshold: the planned load above which the workload is active.
  ///   - accuracy: how good recent forecasts were.
  ///   - reason: why the forecast and plan look as they do.
  /// - Throws: ``SnapshotError`` when lengths differ, there is no step, or a number is outside its range.
  public init(
    workload: WorkloadName, metric: String, generatedAt: Date, step: Duration, horizon: Duration, values: [Double],
    desiredReplicas: [Int], quantiles: Quantiles = .none, plannedLoad: [Double] = [], requiredReplicas: [Int] = [],
    bounds: ClosedRange<Int>? = nil, model: String? = nil, currentValue: Double? = nil, targetPerPod: Double? = nil,
    capacityState: CapacityState? = nil, activationThreshold: Double? = nil, accuracy: Accuracy? = nil,
    reason: String? = nil
  ) throws(SnapshotError) {
    self.workload = workload
    self.metric = metric
    self.generatedAt = Date(timeIntervalSince1970: (generatedAt.timeIntervalSince1970 * 1000).rounded() / 1000)
    self.step = step
    self.horizon = horizon
    self.values = values
    self.desiredReplicas = desiredReplicas
    self.quantiles = quantiles
    self.plannedLoad = plannedLoad
    self.requiredReplicas = requiredReplicas
    minReplicas = bounds?.lowerBound
    maxReplicas = bounds?.upperBound
    self.model = model
    self.currentValue = currentValue
    self.targetPerPod = targetPerPod
    self.capacityState = capacityState
    self.activationThreshold = activationThreshold
    self.accuracy = accuracy
    self.reason = reason
    try check()
  }

  /// How old the snapshot is at `now`; zero when a clock runs behind.
  public func age(at now: Date) -> Duration { .seconds(max(0, now.timeIntervalSince(generatedAt))) }

  /// The index of the step that `instant` falls in, within the plan's bounds: the first step before the plan begins, the
  /// last one behind its end.
  public func stepIndex(at instant: Date) -> Int {
    let steps = instant.timeIntervalSince(generatedAt) / step.inSeconds
    return min(Int(min(max(0, steps), 1e9).rounded(.down)), desiredReplicas.count - 1)
  }

  /// How far a plan may be dated ahead of a reader's clock: synchronised clocks differ by less.
  package static let clockTolerance = Duration.seconds(60)

  /// Whether this snapshot takes the place of one that is there: when it is not older, and when the one that is there is dated
  /// so far ahead of `now` that its maker's clock was wrong. A clock that was an hour ahead for a moment would otherwise keep
  /// all later plans out for that hour.
  package func supersedes(_ present: Snapshot, at now: Date) -> Bool {
    generatedAt >= present.generatedAt || present.generatedAt > now + Self.clockTolerance
  }
}
