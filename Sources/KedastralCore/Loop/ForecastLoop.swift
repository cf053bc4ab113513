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
/// The history stays in memory, and each round fetches only what is missing at its end. A failed round is logged, counted
/// and tried again after a back-off; it never touches another workload. Every ten minutes what the loop has learned is stored
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

  /// Creates a loop that has not run yet.
  public init(
    _ workload: Workload, store: any ForecastStore, clock: any WallClock = SystemWallClock(),
    metrics: MetricsRegistry = MetricsRegistry(), logger: Logger = .silent, observer: (any ForecastObserver)? = nil
  ) {
    self.workload = workload
    self.store = store
    self.clock = clock
    self.logger = logger
    self.observer = observer
    self.metrics = ForecastMetrics(metrics)
    feeds = workload.metrics.map(Feed.init)
    planner = Planner(workload)
    backoff = Backoff(initial: min(.seconds(1), workload.interval), maximum: workload.interval)
  }

  /// The load measured so far, or nil before the first successful collection.
  public var history: TimeSeries? { feeds[0].collected }

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
  }

  /// One round that reports its failure; returns the wait that a failure asks for.
  private func attempt() async -> Duration? {
    do {
      let snapshot = try await tick()
      failures = 0
      observer?.roundEnded(
        ForecastRound(workload: workload.name, endedAt: clock.now, snapshot: snapshot, failure: nil))
      logger.info(
        "stored forecast",
        [
          "workload": workload.name.text, "replicas": "\(snapshot.desiredReplicas[0])",
          "model": snapshot.model ?? "", "steps": "\(snapshot.values.count)",
        ])
      return nil
    } catch {
      guard !Task.isCancelled else { return nil }
      failures += 1
      observer?.roundEnded(
        ForecastRound(workload: workload.name, endedAt: clock.now, snapshot: nil, failure: error))
      let delay = backoff.delay(afterFailures: failures)
      logger.warn(
        "forecast failed",
        [
          "workload": workload.name.text, "stage": error.stage.rawValue, "error": error.problem,
          "failures": "\(failures)", "retryIn": DurationText.format(delay),
        ])
      return delay
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
    let histories = try await timed(.collect) {
      try await self.forEachMetric { try await self.collect($0, upTo: end) }
    }
    await takeUpWhatIsStored()
    let forecasts = try await timed(.forecast) {
      try await self.forEachMetric { try await self.forecast($0, histories[$0]) }
    }
    let plan = try await timed(.plan) {
      self.planner.plan(
        zip(forecasts, histories).map {
          Planner.Input(
            forecast: $0, history: $1, repairedShare: Double($1.missingCount) / Double($1.count))
        }, at: self.clock.now)
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
      let failure = ForecastFailure(workload: workload.name, stage: stage, problem: "\(error)")
      if !Task.isCancelled { metrics.count(failure) }
      throw failure
    }
  }

  // MARK: Stages

  /// Does the same for each metric, by its index; an error names its metric where there are several.
  private func forEachMetric<Result>(_ body: (Int) async throws -> Result) async throws -> [Result] {
    var results: [Result] = []
    for index in feeds.indices {
      do {
        results.append(try await body(index))
      } catch  where feeds.count > 1 && !(error is CancellationError) {
        throw MetricFailure(metric: feeds[index].metric.name, problem: "\(error)")
      }
    }
    return results
  }

  /// Fetches what a metric's history lacks at its end, and returns it up to `end`.
  private func collect(_ index: Int, upTo end: Date) async throws -> TimeSeries {
    let feed = feeds[index]
    let windowStart = end - workload.step * (workload.windowSteps - 1)
    feed.collected?.dropSamples(after: end)
    var start = windowStart
    if let history = feed.collected, let present = history.lastPresentIndex {
      start = max(windowStart, history.instant(at: present + 1))
    }
    var newer: TimeSeries?
    if start <= end {
      let range = start..<(end + workload.step / 2)
      let source = feed.metric.source
      let samples = try await withDeadline(workload.collectDeadline, clock: clock) { [workload] in
        try await source.samples(in: range, step: workload.step)
      }
      guard samples.step == workload.step else { throw SourceMismatch(asked: workload.step, got: samples.step) }
      newer = samples
    }
    var history = feed.collected ?? TimeSeries(start: windowStart, step: workload.step, values: [])
    feed.collected = nil  // so that the samples of a week are changed in place
    if let newer { history.merge(newer) }
    history.extend(to: end)
    history.keepLast(workload.windowSteps)
    history.dropLeadingMissing()
    guard let present = history.lastPresentIndex else { throw NoSamples(window: workload.window) }
    feed.collected = history
    let silentSteps = history.count - 1 - present
    guard silentSteps <= workload.windowSteps / 2 else { throw NoSamples(window: workload.step * silentSteps) }
    return history
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
        "going on from the stored plan",
        ["workload": workload.name.text, "replicas": "\(plan.desiredReplicas[plan.stepIndex(at: clock.now)])"])
    } catch {
      // The round goes on without: storing the plan reports a store that is away, and this is asked again next round.
      logger.debug("stored plan not read", ["workload": workload.name.text, "error": "\(error)"])
    }
  }

  private func takeUp(_ stored: Data) {
    guard let state = LoopState(stored) else {
      logger.debug("what is stored is no state of this version", ["workload": workload.name.text])
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
    let forecast = try await feed.session.forecast(
      history, steps: workload.horizonSteps + 1, quantiles: workload.wantedQuantiles(of: feed.metric))
    if let defect = forecast.defect { throw InvalidForecast(description: defect) }
    return forecast
  }

  /// One metric's history and model at work; a class, so that a forecast under way locks nobody out of the history.
  private final class Feed {
    let metric: LoadMetric
    var session: any ModelSession
    var collected: TimeSeries?

    init(_ metric: LoadMetric) {
      self.metric = metric
      session = metric.model.makeSession()
    }
  }
}

extension TimeSeries {
  /// Begins with the first sample that is present: a window that reaches further back than the source has no gap there.
  fileprivate mutating func dropLeadingMissing() {
    if let first = values.firstIndex(where: \.isFinite) { keepLast(count - first) }
  }

  /// Drops what lies ahead of `end`, which a clock that was set back calls the future.
  fileprivate mutating func dropSamples(after end: Date) {
    let surplus = min(count, count - 1 - index(nearest: end))
    if surplus > 0 { values.removeLast(surplus) }
  }

  /// Appends missing samples until the last one is at `end`.
  fileprivate mutating func extend(to end: Date) {
    let missing = index(nearest: end) - count + 1
    if missing > 0 { values.append(contentsOf: repeatElement(.nan, count: missing)) }
  }
}
