import KedastralCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Replays a recorded load against simulated clusters, each scaled by a policy, and measures the effect on the service.
///
///     let load = ReplayLoad(trace)
///     let replay = try Replay(load, podCapacity: load.podCapacity(pods: 20))
///     let hpa = ReactivePolicy(utilization: 0.7, podCapacity: replay.podCapacity)
///     let outcome = try await replay.run([Replay.Entrant(hpa, startup: .seconds(180))])[0]
///     print(outcome.figures.violationMinutes, outcome.figures.podHours)
/// Time advances in syncs of 15 s. At each sync a policy sees the rate over the last minute, and its forecasts use only past
/// samples; new pods serve after their startup. All entrants of a run use the same forecasts.
public struct Replay: Sendable {
  /// An invalid replay.
  public struct Problem: Error, Equatable, CustomStringConvertible {
    /// The problem, and what is expected.
    public let description: String
  }

  /// The load.
  public let load: ReplayLoad
  /// The maximum load that a pod can serve.
  public let podCapacity: Double
  /// The fewest pods that perfect foresight keeps.
  public let minReplicas: Int
  /// The most pods that perfect foresight has.
  package var maxReplicas = Int.max
  /// The replayed minutes; the minutes before them are history.
  public let minutes: Range<Int>
  /// The number of replayed minutes before the results begin, in which policies already scale and learn.
  package let unscoredMinutes: Int
  /// The forecaster's step.
  public let step: Duration
  /// The time between two forecasts.
  public let interval: Duration
  /// How much history models get.
  public let window: Duration

  /// Describes a replay.
  ///
  /// - Parameters:
  ///   - podCapacity: the maximum load that a pod can serve.
  ///   - warmup: how much of the load is only history; by default half of it, at most a week.
  ///   - step: the forecaster's step, whole minutes.
  ///   - interval: the time between two forecasts, whole minutes; by default the step.
  /// - Throws: ``Problem`` when the load is too short or a setting does not fit.
  public init(
    _ load: ReplayLoad, podCapacity: Double, minReplicas: Int = 1, warmup: Duration? = nil,
    step: Duration = .seconds(60), interval: Duration? = nil, window: Duration = .seconds(8 * 86_400)
  ) throws {
    try self.init(
      load, podCapacity: podCapacity, minReplicas: minReplicas, warmup: warmup, practice: .zero, step: step,
      interval: interval, window: window)
  }

  /// The same, with a time after the warm-up in which policies already scale and learn, before the results begin.
  package init(
    _ load: ReplayLoad, podCapacity: Double, minReplicas: Int, warmup: Duration?, practice: Duration, step: Duration,
    interval: Duration?, window: Duration
  ) throws {
    func require(_ isRight: Bool, _ text: @autoclosure () -> String) throws {
      if !isRight { throw Problem(description: text()) }
    }
    func isWholeMinutes(_ duration: Duration) -> Bool {
      duration >= .seconds(60) && duration.inSeconds.truncatingRemainder(dividingBy: 60) == 0
    }
    let interval = interval ?? step
    let count = load.minutes.count
    let learned = warmup.map { Int(min($0.inSeconds, 1e12) / 60) } ?? min(count / 2, 7 * 1440)
    try require(podCapacity.isFinite && podCapacity > 0, "a pod's capacity is \(podCapacity), expected more than 0")
    try require(isWholeMinutes(step), "the step \(DurationText.format(step)) is not a number of whole minutes")
    try require(
      isWholeMinutes(interval), "the interval \(DurationText.format(interval)) is not a number of whole minutes")
    try require(
      learned >= 1 && learned < count,
      "a load of \(DurationText.format(.seconds(60 * count))) leaves nothing to replay after \(DurationText.format(.seconds(60 * learned))) of history; record more of it or shorten the warm-up"
    )
    try require(
      load.minutes.values[learned...].contains(where: \.isFinite), "the part of the load to replay has no sample")
    self.load = load
    self.podCapacity = podCapacity
    self.minReplicas = minReplicas
    self.step = step
    self.interval = interval
    self.window = window
    minutes = learned..<count
    unscoredMinutes = Int(practice.inSeconds / 60)
    try require(
      unscoredMinutes < minutes.count,
      "after \(DurationText.format(practice)) of practice nothing is left of the load to measure")
  }

  /// Replays the load against every entrant.
  /// - Parameter progress: called periodically with the completed share.
  /// - Returns: an outcome for each entrant, in their order.
  /// - Throws: `CancellationError` when the task is cancelled. Failing models do not end a replay; outcomes report them.
  public func run(_ entrants: [Entrant], progress: (Double) -> Void = { _ in }) async throws -> [Outcome] {
    var runs = entrants.map { ReplayRun($0, of: self) }
    var forecasters = ReplayForecaster.shared(by: entrants.map(\.policy.forecastNeed), of: self)
    let perMinute = ReplayLoad.syncsPerMinute
    for minute in minutes {
      if minute % 200 == 0 {
        try Task.checkCancellation()
        progress(Double(minute - minutes.lowerBound) / Double(minutes.count))
        await Task.yield()
      }
      let now = load.instant(ofSync: minute * perMinute)
      for index in forecasters.indices {
        guard let forecast = await forecasters[index].advance(to: now) else { continue }
        for member in forecasters[index].members {
          runs[member].receive(forecast, from: forecasters[index].history, at: now)
        }
      }
      for sync in minute * perMinute..<(minute + 1) * perMinute {
        let instant = load.instant(ofSync: sync)
        let observed = load.observedLoad(atSync: sync)
        let isScored = minute >= minutes.lowerBound + unscoredMinutes
        for index in runs.indices {
          runs[index].play(sync, isScored: isScored, at: instant, observed: observed, load: load.minutes.values[minute])
        }
      }
    }
    progress(1)
    var outcomes = runs.map(\.outcome)
    for forecaster in forecasters {
      for member in forecaster.members { outcomes[member].forecasts.add(forecaster.tally) }
    }
    return outcomes
  }
}

extension Replay {
  /// One cluster in a run.
  public struct Entrant: Sendable {
    /// The initial policy.
    public var policy: any ReplayPolicy
    /// The time from a pod's creation to its first request.
    public var startup: Duration
    /// The value of the varied parameter, for tables.
    public var knob: String
    /// Whether each sync is recorded.
    public var isRecorded: Bool

    /// Creates an entrant.
    public init(_ policy: any ReplayPolicy, startup: Duration, knob: String = "", isRecorded: Bool = false) {
      self.policy = policy
      self.startup = startup
      self.knob = knob
      self.isRecorded = isRecorded
    }
  }

  /// The result of an entrant.
  public struct Outcome: Sendable {
    /// The name of its policy.
    public let policy: String
    /// The startup time of its pods.
    public let startup: Duration
    /// The value of its parameter.
    public let knob: String
    /// The results.
    public internal(set) var figures = ReplayFigures()
    /// Every sync, if it was recorded.
    public internal(set) var records: [Record] = []
    /// The numbers of its model's forecasts.
    public internal(set) var forecasts = ForecastTally()
  }

  /// One sync of a recorded entrant.
  public struct Record: Sendable, Equatable {
    /// The end of the sync's period.
    public let instant: Date
    /// The load in it; NaN where it was not measured.
    public let load: Double
    /// The requested pods.
    public let desired: Int
    /// The pods that served.
    public let ready: Int
  }

  /// The number of forecasts of a model, and of those that failed or were unusable for a plan.
  public struct ForecastTally: Sendable, Equatable {
    /// The usable forecasts.
    public internal(set) var made = 0
    /// The forecasts that failed or were unusable for a plan.
    public internal(set) var failed = 0
    /// The last failure.
    public internal(set) var problem: String?

    /// Combines the model's counts with those of its forecasts' use; an unusable forecast no longer counts as made.
    mutating func add(_ model: ForecastTally) {
      made += model.made - failed
      failed += model.failed
      problem = problem ?? model.problem
    }
  }
}

/// The state of an entrant during a run.
struct ReplayRun {
  private(set) var outcome: Replay.Outcome
  private var policy: any ReplayPolicy
  private var cluster: SimulatedCluster
  private let oracle: OraclePolicy
  private let podCapacity: Double
  private let isRecorded: Bool

  init(_ entrant: Replay.Entrant, of replay: Replay) {
    policy = entrant.policy
    podCapacity = replay.podCapacity
    isRecorded = entrant.isRecorded
    oracle = OraclePolicy(
      replay.load, podCapacity: replay.podCapacity, startup: entrant.startup, minReplicas: replay.minReplicas,
      maxReplicas: replay.maxReplicas)
    // Every entrant starts with the pods that the load needs at that time.
    cluster = SimulatedCluster(
      readyPods: oracle.replicas(atSync: replay.minutes.lowerBound * ReplayLoad.syncsPerMinute),
      startupSyncs: ReplayLoad.syncs(in: entrant.startup))
    outcome = Replay.Outcome(policy: entrant.policy.name, startup: entrant.startup, knob: entrant.knob)
  }

  mutating func receive(_ forecast: Forecast, from history: TimeSeries, at now: Date) {
    do { try policy.receive(forecast, from: history, at: now) } catch {
      outcome.forecasts.failed += 1
      outcome.forecasts.problem = "\(error)"
    }
  }

  mutating func play(_ sync: Int, isScored: Bool, at now: Date, observed: Double, load: Double) {
    let view = ReplayView(
      now: now, sync: sync, observedLoad: observed, orderedPods: cluster.orderedPods, readyPods: cluster.readyPods)
    cluster.order(policy.desiredReplicas(view))
    if isScored {
      outcome.figures.score(
        load: load, readyPods: cluster.readyPods, orderedPods: cluster.orderedPods,
        oraclePods: oracle.replicas(atSync: sync), podCapacity: podCapacity)
    }
    if isRecorded {
      outcome.records.append(
        Replay.Record(
          instant: now + HorizontalAutoscaler.syncPeriod, load: load, desired: cluster.orderedPods,
          ready: cluster.readyPods))
    }
    cluster.advance()
  }
}
