import KedastralCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Plays a recorded load against simulated clusters, each scaled by a policy: what would it have done to the service?
///
///     let load = ReplayLoad(trace)
///     let replay = try Replay(load, podCapacity: load.podCapacity(pods: 20))
///     let hpa = ReactivePolicy(utilization: 0.7, podCapacity: replay.podCapacity)
///     let outcome = try await replay.run([Replay.Entrant(hpa, startup: .seconds(180))])[0]
///     print(outcome.figures.violationMinutes, outcome.figures.podHours)
///
/// Time goes in syncs of 15 s. At each one a policy sees the rate over the last minute, and its forecasts are made of samples
/// that lie in the past; pods that it orders serve after their startup. All entrants of a run see the same forecasts.
public struct Replay: Sendable {
  /// An invalid replay.
  public struct Problem: Error, Equatable, CustomStringConvertible {
    /// What is wrong, and what would be right.
    public let description: String
  }

  /// The load.
  public let load: ReplayLoad
  /// The most load that a pod can serve.
  public let podCapacity: Double
  /// The fewest pods that perfect foresight keeps.
  public let minReplicas: Int
  /// The minutes that are played; what lies before them is history to learn from.
  public let minutes: Range<Int>
  /// The forecaster's step.
  public let step: Duration
  /// The time between two forecasts.
  public let interval: Duration
  /// How much history models get.
  public let window: Duration

  /// Describes a replay.
  ///
  /// - Parameters:
  ///   - podCapacity: the most load that a pod can serve.
  ///   - warmup: how much of the load is history only; by default half of it, a week at most.
  ///   - step: the forecaster's step, whole minutes.
  ///   - interval: the time between two forecasts, whole minutes; by default the step.
  /// - Throws: ``Problem`` when the load is too short or a setting does not fit.
  public init(
    _ load: ReplayLoad, podCapacity: Double, minReplicas: Int = 1, warmup: Duration? = nil,
    step: Duration = .seconds(60), interval: Duration? = nil, window: Duration = .seconds(8 * 86_400)
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
  }

  /// Plays the load against every entrant.
  ///
  /// - Parameter progress: called now and then with the share that is done.
  /// - Returns: an outcome for each entrant, in their order.
  /// - Throws: `CancellationError` when the task is cancelled. Models that fail do not end a replay; outcomes tell of them.
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
        for index in runs.indices {
          runs[index].play(sync, at: instant, observed: observed, load: load.minutes.values[minute])
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
    /// The policy as it begins.
    public var policy: any ReplayPolicy
    /// How long a pod takes from its order to its first request.
    public var startup: Duration
    /// The setting of the knob that is swept, for tables.
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

  /// How an entrant did.
  public struct Outcome: Sendable {
    /// The name of its policy.
    public let policy: String
    /// How long its pods took to start.
    public let startup: Duration
    /// The setting of its knob.
    public let knob: String
    /// The results.
    public internal(set) var figures = ReplayFigures()
    /// Every sync, if it was recorded.
    public internal(set) var records: [Record] = []
    /// How its model fared.
    public internal(set) var forecasts = ForecastTally()
  }

  /// One sync of a recorded entrant.
  public struct Record: Sendable, Equatable {
    /// The end of the sync's period.
    public let instant: Date
    /// The load in it; NaN where it was not measured.
    public let load: Double
    /// The pods ordered.
    public let desired: Int
    /// The pods that served.
    public let ready: Int
  }

  /// How many forecasts a model made, and how many it failed to make or could not be planned with.
  public struct ForecastTally: Sendable, Equatable {
    /// The forecasts made.
    public internal(set) var made = 0
    /// The forecasts that failed, and those that could not be planned with.
    public internal(set) var failed = 0
    /// The last failure.
    public internal(set) var problem: String?

    /// Adds what the model did to what became of its forecasts; a forecast that could not be planned with is no longer a made one.
    mutating func add(_ model: ForecastTally) {
      made += model.made - failed
      failed += model.failed
      problem = problem ?? model.problem
    }
  }
}

/// An entrant at work.
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
      replay.load, podCapacity: replay.podCapacity, startup: entrant.startup, minReplicas: replay.minReplicas)
    // Everybody begins with what the load needs at that moment.
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

  mutating func play(_ sync: Int, at now: Date, observed: Double, load: Double) {
    let view = ReplayView(
      now: now, sync: sync, observedLoad: observed, orderedPods: cluster.orderedPods, readyPods: cluster.readyPods)
    cluster.order(policy.desiredReplicas(view))
    outcome.figures.score(
      load: load, readyPods: cluster.readyPods, orderedPods: cluster.orderedPods,
      oraclePods: oracle.replicas(atSync: sync), podCapacity: podCapacity)
    if isRecorded {
      outcome.records.append(
        Replay.Record(
          instant: now + HorizontalAutoscaler.syncPeriod, load: load, desired: cluster.orderedPods,
          ready: cluster.readyPods))
    }
    cluster.advance()
  }
}
