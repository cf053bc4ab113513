#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A workload's forecast and plan at one time, which is stored, served and shown.
///
/// Index `i` of every array is the step that ends `(i + 1)·step` after `generatedAt`. A snapshot is consistent: each array has
/// one value for each step, there is at least one step, and all numbers are finite. An inconsistent snapshot cannot be created.
public struct Snapshot: Sendable, Equatable {
  /// The workload.
  public let workload: WorkloadName
  /// The name of the metric that was forecast.
  public var metric: String
  /// The time of its generation; the plan's time axis begins here.
  public let generatedAt: Date
  /// The length of a step.
  public let step: Duration
  /// The length of the plan.
  public let horizon: Duration
  /// The forecast load.
  public package(set) var values: [Double]
  /// The planned replicas.
  public package(set) var desiredReplicas: [Int]
  /// The forecast's quantiles, if the model returns any.
  public package(set) var quantiles: Quantiles
  /// The planned load (with quantile or headroom applied); empty when the writer did not store it.
  public package(set) var plannedLoad: [Double]
  /// The model.
  public var model: String?
  /// The last measured load; nil when it is too old to be the current load.
  public package(set) var currentValue: Double?
  /// The load one pod should serve.
  public package(set) var targetPerPod: Double?
  /// The initial state of the plan, from which a restarted forecaster resumes.
  public package(set) var capacityState: CapacityState?
  /// The accuracy of recent forecasts.
  public var accuracy: Accuracy?
  /// The reasons for the forecast and the plan.
  public var reason: String?
  /// Whether the plan is a dry run, which is not served.
  public var isDryRun = false
  /// The planned load above which the workload is active, for triggers without this value; nil: whenever the plan is fresh.
  public package(set) var activationThreshold: Double?

  /// The time of the newest sample that the plan is based on; nil when the writer did not store it.
  public var newestSampleAt: Date?
  /// The time until which a bridged plan is served, one based on the forecast alone because samples are missing; otherwise nil.
  public var bridgedUntil: Date?
  /// The last error of the workload's source; nil when it responded.
  public var problem: String?
  /// Whether this is a first plan, from the last hours alone, because the workload's history is still to be read and fitted.
  package var isLearning = false
  /// The required replicas of each step, before any limit; empty when the writer did not store them.
  public package(set) var requiredReplicas: [Int]
  /// The minimum replicas that the policy allows; nil when the writer did not store them.
  public package(set) var minReplicas: Int?
  /// The maximum replicas that the policy allows; nil when the writer did not store them.
  public package(set) var maxReplicas: Int?
  /// The lead time for triggers that set none; nil for the scaler's.
  package var leadTime: WorkloadLeadTime?

  /// Live accuracy of a workload's forecasts.
  public struct Accuracy: Sendable, Equatable, Codable {
    /// Mean absolute scaled error of recent forecasts: 1 is as accurate as repeating the previous season.
    public var mase: Double?
    /// Mean absolute error of recent forecasts divided by the mean load: 0.2 is a fifth.
    public var relativeError: Double?
    /// The share of recent loads that stayed below a quantile, by level ("0.9").
    public var coverage: [String: Double]?
    /// The share of the history's samples that were missing and filled in, 0…1.
    public var repairedShare: Double?
    /// The parts of a combined forecast: weights and recent errors.
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
  ///   - generatedAt: the start of the plan's time axis; rounded to the millisecond, as in its text form.
  ///   - step: the length of a step, from a millisecond.
  ///   - horizon: how far the plan reaches.
  ///   - values: the forecast load of each step.
  ///   - desiredReplicas: the planned replicas of each step.
  ///   - quantiles: the forecast's quantiles.
  ///   - plannedLoad: the planned load of each step; can be empty.
  ///   - requiredReplicas: the required replicas of each step before any limit; can be empty.
  ///   - bounds: the minimum and the maximum replicas that the policy allows.
  ///   - model: the name of the model.
  ///   - currentValue: the last measured load.
  ///   - targetPerPod: the load that one pod should serve.
  ///   - capacityState: the initial state of the plan.
  ///   - activationThreshold: the planned load above which the workload is active.
  ///   - accuracy: the accuracy of recent forecasts.
  ///   - reason: the reasons for the forecast and the plan.
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

  /// The age of the snapshot at `now`; zero when its date is ahead of the clock.
  public func age(at now: Date) -> Duration { .seconds(max(0, now.timeIntervalSince(generatedAt))) }

  /// The index of the step that `instant` falls in, within the plan's bounds: the first step before the plan begins, the
  /// last one behind its end.
  public func stepIndex(at instant: Date) -> Int {
    let steps = instant.timeIntervalSince(generatedAt) / step.inSeconds
    return min(Int(min(max(0, steps), 1e9).rounded(.down)), desiredReplicas.count - 1)
  }

  /// The largest accepted distance of a plan's date ahead of a reader's clock: synchronised clocks differ by less.
  package static let clockTolerance = Duration.seconds(60)

  /// Whether this snapshot replaces an existing one: it does when it is not older, or when the existing one is dated so far
  /// ahead of `now` that its writer's clock was wrong. A clock that was an hour ahead for a moment would otherwise block all
  /// later plans for that hour.
  package func supersedes(_ present: Snapshot, at now: Date) -> Bool {
    generatedAt >= present.generatedAt || present.generatedAt > now + Self.clockTolerance
  }
}
