#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Keeps one workload's plan fresh: collect → forecast → plan → store, every interval, until its task is cancelled.
///
///     let loop = ForecastLoop(workload, store: MemoryStore())
///     let snapshot = try await loop.tick()   // one round
///     await loop.run()                       // rounds for good
///
/// The history stays in memory, and each round reads the newest samples only: those that are missing, and those that the source
/// can still correct. When the source fails, the plan follows the forecast for a limited time. Any other failed round is
/// counted and tried again after a back-off; it never touches another workload. Every ten minutes what the loop has learned is stored
/// beside the plan, and a restarted loop goes on from both.
public actor ForecastLoop {
  /// How often what was learned is stored.
  static let stateInterval: Duration = .seconds(600)

  /// The workload.
  public nonisolated let workload: Workload
  private let store: any ForecastStore
  private let clock: any WallClock
  private let logger: Logger
  private let metrics: ForecastMetrics
  private let observer: (any ForecastObserver)?
  private let faults: FaultLog
  private let backoff: Backoff

  /// What is kept of each metric, the main one first.
  private let feeds: [Feed]
  private var hasAskedStore = false
  /// When what was learned is stored next.
  private var stateDue: Date?
  private var planner: Planner
  /// The plan that the store is taking up.
  private var storing: PlanRecord?
  private var failures = 0
  /// The failure of the source in the last round, which a plan was made without.
  private var sourceFailure: ForecastFailure?
  private var hasLoggedPlan = false
  private var wasBridged = false

  /// Creates a loop that has not run yet.
  public init(
    _ workload: Workload, store: any ForecastStore, clock: any WallClock = SystemWallClock(),
    metrics: MetricsRegistry = MetricsRegistry(), logger: Logger = .silent, observer: (any ForecastObserver)? = nil,
    faults: FaultLog? = nil
  ) {
    self.workload = workload
    self.store = store
    self.clock = clock
    self.logger = logger
    self.observer = observer
    self.faults = faults ?? FaultLog(logger)
    self.metrics = ForecastMetrics(metrics)
    feeds = workload.metrics.map { Feed($0, of: workload) }
    planner = Planner(workload)
    backoff = Backoff(initial: min(.seconds(1), workload.interval), maximum: workload.interval)
  }

  /// The load measured so far, or nil before the first successful collection.
  public var history: TimeSeries? { feeds[0].samples.series.isEmpty ? nil : feeds[0].samples.series }

  /// The snapshot of the last successful round, or nil before it.
  public var latest: Snapshot? { planner.inForce?.snapshot }

  /// The last snapshot and what led to it, or nil when this process has not made one yet.
  public var record: PlanRecord? { planner.inForce?.record }

  /// What led to a stored plan, or to the one that has replaced it since; nil when this process made neither.
  public func record(of plan: Snapshot) -> PlanRecord? {
    // A store tells others of a plan before it has answered to have it.
    [planner.inForce?.record, storing].compactMap(\.self).first { $0.snapshot.generatedAt >= plan.generatedAt }
  }

  /// Runs rounds until the task is cancelled.
  ///
  /// - Parameter startDelay: how long to wait before the first one, to spread many workloads over the interval.
  public func run(startDelay: Duration = .zero) async {
    do {
      try await clock.sleep(for: startDelay)
      var due = clock.now
      while true {
        try await clock.sleep(for: await attempt() ?? untilNextRound(&due))
      }
    } catch {
      // Cancelled: the only way a sleep ends early.
    }
    metrics.forget(workload.name)
    faults.succeeded(workload.name, at: clock.now)
  }

  /// One round that reports its failure; returns the wait that a failure asks for.
  private func attempt() async -> Duration? {
    do {
      let snapshot = try await tick()
      failures = 0
      log(snapshot)
      report(snapshot, sourceFailure)
      return nil
    } catch {
      guard !Task.isCancelled else { return nil }
      failures += 1
      report(nil, error)
      return backoff.delay(afterFailures: failures)
    }
  }

  private func report(_ snapshot: Snapshot?, _ failure: ForecastFailure?) {
    let now = clock.now
    if let failure { faults.failed(failure, at: now) } else { faults.succeeded(workload.name, at: now) }
    observer?.roundEnded(
      ForecastRound(workload: workload.name, endedAt: now, snapshot: snapshot, failure: failure))
  }

  private func log(_ snapshot: Snapshot) {
    let level = hasLoggedPlan ? LogLevel.debug : .info
    hasLoggedPlan = true
    logger.log(
      level, "stored forecast",
      [
        "workload": workload.name.text, "replicas": "\(snapshot.desiredReplicas[0])",
        "model": snapshot.model ?? "", "steps": "\(snapshot.values.count)",
      ])
    let isBridged = snapshot.bridgedUntil != nil
    guard isBridged != wasBridged else { return }
    wasBridged = isBridged
    if let until = snapshot.bridgedUntil {
      // A server that does not answer has its own line.
      logger.log(
        sourceFailure?.outage == nil ? .warn : .debug, "no new samples: the plan is based on the forecast",
        [
          "workload": workload.name.text, "since": snapshot.newestSampleAt.map(Timestamp.format) ?? "",
          "servedUntil": Timestamp.format(until),
        ])
    } else {
      logger.info("samples are recent again", ["workload": workload.name.text])
    }
  }

  /// The wait until the next round of a fixed schedule; rounds that were missed are not made up for, and a clock that was set
  /// back does not put the next one off.
  private func untilNextRound(_ due: inout Date) -> Duration {
    let now = clock.now
    due = due + workload.interval
    if due <= now || due > now + workload.interval { due = now + workload.interval }
    return .seconds(due.timeIntervalSince(now))
  }

  /// One round: collects, forecasts, plans and stores.
  ///
  /// - Returns: the snapshot that was stored.
  /// - Throws: ForecastFailure naming the stage; what the loop knew before stays as it was.
  @discardableResult
  public func tick() async throws(ForecastFailure) -> Snapshot {
    let end = clock.now.floored(to: workload.step)
    sourceFailure = nil
    _ = try await timed(.collect) { try await self.forEachMetric { try await self.collect($0, upTo: end) } }
    await takeUpWhatIsStored()
    let histories = feeds.map(\.samples.modelSeries)
    let forecasts = try await timed(.forecast) {
      try await self.forEachMetric { try await self.forecast($0, histories[$0]) }
    }
    let plan = try await timed(.plan) {
      try self.planner.plan(
        self.feeds.indices.map { index in
          Planner.Input(
            forecast: forecasts[index], history: histories[index],
            unsettledCount: self.feeds[index].samples.unsettledCount,
            repairedShare: Double(histories[index].missingCount) / Double(histories[index].count))
        }, problem: self.sourceFailure?.problem, at: self.clock.now)
    }
    let snapshot = plan.snapshot
    storing = plan.record
    defer { storing = nil }
    let outcome = try await timed(.store) { [workload, store, clock] in
      try await withDeadline(workload.storeDeadline, clock: clock) { try await store.put(snapshot) }
    }
    planner.publish(plan)
    metrics.publish(snapshot)
    if outcome == .superseded {
      logger.debug("a newer forecast is stored", ["workload": workload.name.text])
    } else {
      await storeState(at: clock.now)
    }
    return snapshot
  }

  private func timed<Result>(
    _ stage: ForecastStage, _ body: () async throws -> Result
  ) async throws(ForecastFailure) -> Result {
    let clock = ContinuousClock()
    let begin = clock.now
    do {
      let result = try await body()
      metrics.observe(stage, clock.now - begin, of: workload.name)
      return result
    } catch {
      let failure = failure(stage, error)
      if !Task.isCancelled { metrics.count(failure) }
      throw failure
    }
  }

  private func failure(_ stage: ForecastStage, _ error: any Error) -> ForecastFailure {
    let cause = (error as? MetricFailure)?.cause ?? error
    return ForecastFailure(
      workload: workload.name, stage: stage, problem: "\(error)",
      outage: stage == .store ? "the store" : (cause as? any SourceFault)?.outage)
  }

  // MARK: Stages

  /// Does the same for each metric, by its index; an error names its metric where there are several.
  private func forEachMetric<Result>(_ body: (Int) async throws -> Result) async throws -> [Result] {
    var results: [Result] = []
    for index in feeds.indices {
      do {
        results.append(try await body(index))
      } catch  where feeds.count > 1 && !(error is CancellationError) {
        throw metricFailure(index, error)
      }
    }
    return results
  }

  private func metricFailure(_ index: Int, _ error: any Error) -> any Error {
    feeds.count > 1 ? MetricFailure(metric: feeds[index].metric.name, cause: error) : error
  }

  /// Reads a metric's newest samples. A source that fails is left out of this round when there are samples to forecast from.
  private func collect(_ index: Int, upTo end: Date) async throws {
    let feed = feeds[index]
    let range = feed.samples.range(upTo: end)
    do {
      let source = feed.metric.source
      let reading = try await withDeadline(workload.collectDeadline, clock: clock) { [workload] in
        try await source.read(in: range, step: workload.step)
      }
      guard reading.series.step == workload.step else {
        throw SourceMismatch(asked: workload.step, got: reading.series.step)
      }
      feed.samples.add(reading, upTo: end)
    } catch {
      guard !Task.isCancelled, !(error is CancellationError), feed.samples.newestSampleAt != nil else { throw error }
      feed.samples.extend(upTo: end)
      let failure = failure(.collect, metricFailure(index, error))
      metrics.count(failure)
      sourceFailure = failure
    }
    let samples = feed.samples.series
    guard let present = samples.lastPresentIndex else { throw NoSamples(window: workload.window) }
    let silentSteps = samples.count - 1 - present
    guard silentSteps <= workload.windowSteps / 2 else { throw NoSamples(window: workload.step * silentSteps) }
  }

  /// Once, before the first plan: goes on from the plan and the state that an earlier process stored.
  private func takeUpWhatIsStored() async {
    guard !hasAskedStore else { return }
    do {
      let (plan, state) = try await withDeadline(workload.storeDeadline, clock: clock) { [workload, store] in
        (try await store.get(workload.name), try await store.state(of: workload.name))
      }
      hasAskedStore = true
      if let state { takeUp(state) }
      guard let plan, !plan.desiredReplicas.isEmpty else { return }
      planner.resume(from: plan)
      logger.info(
        "resuming from the stored plan",
        ["workload": workload.name.text, "replicas": "\(plan.desiredReplicas[plan.stepIndex(at: clock.now)])"])
    } catch {
      // The round goes on without: storing the plan reports a store that is away, and this is asked again next round.
      logger.debug("stored plan not read", ["workload": workload.name.text, "error": "\(error)"])
    }
  }

  private func takeUp(_ stored: Data) {
    guard let state = LoopState(stored) else {
      logger.debug("the stored state is not valid in this version", ["workload": workload.name.text])
      return
    }
    for (index, feed) in feeds.enumerated() {
      if let session = state.session(of: feed.metric) { feed.session.restore(session) }
      if let accuracy = state.accuracy(of: feed.metric, at: clock.now) { planner.resume(accuracy, ofMetric: index) }
    }
  }

  /// Stores what was learned, every ten minutes, and the first time so much later that workloads take turns.
  private func storeState(at now: Date) async {
    let interval = max(Self.stateInterval, workload.interval)
    guard let due = stateDue, due <= now + interval else {
      stateDue = now + interval * workload.name.share
      return
    }
    guard now >= due else { return }
    stateDue = now + interval
    let parts = feeds.enumerated().map { index, feed in
      LoopState.Metric(
        name: feed.metric.name, model: feed.metric.model.name, accuracy: planner.accuracies[index],
        session: feed.session.state)
    }
    guard let data = LoopState(parts, at: now).data else { return }
    do {
      try await withDeadline(workload.storeDeadline, clock: clock) { [workload, store] in
        try await store.putState(data, of: workload.name)
      }
    } catch {
      // Nothing depends on it but what a restart must learn again.
      logger.debug("state not stored", ["workload": workload.name.text, "error": "\(error)"])
    }
  }

  private func forecast(_ index: Int, _ history: TimeSeries) async throws -> Forecast {
    let feed = feeds[index]
    // One step more than the horizon, since publication falls between two grid instants.
    let forecast: Forecast
    do {
      forecast = try await feed.session.forecast(
        history, feed.samples.takeChange(), steps: workload.horizonSteps + 1,
        quantiles: workload.wantedQuantiles(of: feed.metric))
    } catch {
      feed.samples.distrustSession()
      throw error
    }
    if let defect = forecast.defect { throw InvalidForecast(description: defect) }
    return forecast
  }

  /// One metric's samples and model at work; a class, so that a forecast in progress does not block readers of the history.
  private final class Feed {
    let metric: LoadMetric
    var session: any ModelSession
    var samples: SampleHistory

    init(_ metric: LoadMetric, of workload: Workload) {
      self.metric = metric
      session = metric.model.makeSession()
      samples = SampleHistory(
        step: workload.step, windowSteps: workload.windowSteps, settleTime: workload.effectiveSettleTime)
    }
  }
}
