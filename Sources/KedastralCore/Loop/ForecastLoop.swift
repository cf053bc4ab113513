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
/// can still correct. When the source fails, the plan is based on the forecast for a limited time. Any other failed round is
/// counted and repeated after a back-off; it never affects another workload. Every ten minutes the session state, the settled
/// samples and a new fit are stored in addition to the plan. A restarted loop resumes from all of them, and requests from the source
/// only the samples that were not settled. A loop of a ``Forecaster`` that finds nothing stored plans from the last hours first, and
/// reads and fits its history when it is its turn.
public actor ForecastLoop {
  /// The interval at which the session state is stored.
  static let stateInterval: Duration = .seconds(600)

  /// The workload.
  public nonisolated let workload: Workload
  private let store: any ForecastStore
  let clock: any WallClock
  let logger: KedastralLogger
  private let metrics: ForecastMetrics
  private let observer: (any ForecastObserver)?
  private let faults: FaultLog
  let backoff: Backoff
  private let scorecards: Scorecards
  private let scorecardMetrics: ScorecardMetrics

  /// The state of each metric, the main one first.
  let feeds: [Feed]
  /// The feeds of the current round.
  private var current: [Feed]
  /// What is planned from first, and where the learning of the history stands.
  var start: FirstPlans
  /// The fits that are made again apart from the rounds.
  var refits = Refits()
  private var hasAskedStore = false
  var histories: StoredHistories
  /// Why the stored histories could not be read in this round.
  private var unreadHistory: String?
  private var hasWarnedOfHistory = false
  /// When the session state is stored next.
  private var stateDue: Date?
  private var planner: Planner
  private var scorecard: Scorecard
  private let leadTimes: LeadTimeMeter
  private let podsReader: RealPodsReader?
  /// The plan that is being stored.
  private var storing: PlanRecord?
  private var failures = 0
  /// The failure of the source in the last round, whose plan was computed without new samples.
  private var sourceFailure: ForecastFailure?
  private var hasLoggedPlan = false
  private var wasBridged = false

  /// Creates a loop that has not run yet.
  ///
  /// - Parameters:
  ///   - workload: the workload to forecast.
  ///   - store: where the plans go.
  ///   - clock: the source of time.
  ///   - logger: receives log lines.
  public init(
    _ workload: Workload, store: any ForecastStore, clock: any WallClock = SystemWallClock(),
    logger: KedastralLogger = .silent
  ) {
    self.init(workload, store: store, clock: clock, metrics: MetricsRegistry(), logger: logger)
  }

  /// Creates a loop that has not run yet, with what a service observes it by.
  package init(
    _ workload: Workload, store: any ForecastStore, clock: any WallClock = SystemWallClock(),
    metrics: MetricsRegistry, logger: KedastralLogger = .silent, observer: (any ForecastObserver)? = nil,
    faults: FaultLog? = nil, learning: LearningQueue? = nil, scorecards: Scorecards = Scorecards()
  ) {
    self.workload = workload
    self.store = store
    self.clock = clock
    self.logger = logger
    self.observer = observer
    self.faults = faults ?? FaultLog(logger)
    self.metrics = ForecastMetrics(metrics)
    self.scorecards = scorecards
    scorecardMetrics = ScorecardMetrics(metrics)
    scorecard = Scorecard(
      scorecards.settings, step: workload.step, interval: workload.interval,
      settleTime: workload.settleTime(of: workload.source))
    feeds = workload.metrics.map { Feed($0, of: workload) }
    current = feeds
    start = FirstPlans(learning)
    if learning != nil { for feed in feeds { feed.setFittedApart(true) } }
    planner = Planner(workload)
    leadTimes = LeadTimeMeter(
      workload.leadTime, of: workload.name, horizon: workload.horizon, deadline: workload.collectDeadline, clock: clock,
      logger: logger)
    podsReader = RealPodsReader(workload, clock: clock, logger: logger)
    histories = StoredHistories(workload, isStored: store is any HistoryStore)
    backoff = Backoff(initial: min(.seconds(1), workload.interval), maximum: workload.interval)
  }

  /// The load measured so far, or nil before the first successful collection.
  public var history: TimeSeries? {
    let samples = current[0].samples
    return samples.isEmpty ? nil : samples.series
  }

  /// The ready pods as far as they are known, and why they cannot be read; nil without a source of them.
  package var realPods: (pods: RealPods, problem: String?)? {
    get async {
      guard let podsReader else { return nil }
      return (await podsReader.pods, await podsReader.problem)
    }
  }

  /// The snapshot of the last successful round, or nil before it.
  public var latest: Snapshot? { planner.inForce?.snapshot }

  /// The last snapshot and its basis, or nil when this process has not computed one yet.
  package var record: PlanRecord? { planner.inForce?.record }

  /// The record of a stored plan, or of the plan that replaced it; nil when this process computed neither.
  package func record(of plan: Snapshot) -> PlanRecord? {
    // A store can notify others of a plan before it confirms the write.
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
        let pause = await attemptApart()
        try await clock.sleep(for: pause ?? untilNextRound(&due))
      }
    } catch {
      // Cancelled: the only way a sleep ends early.
    }
    await stopLearning()
    metrics.forget(workload.name)
    scorecardMetrics.forget(workload.name)
    scorecards.forget(workload.name)
    faults.ended(workload.name)
  }

  /// Runs one round and reports its failure; returns the wait after a failure.
  func attempt() async -> Duration? {
    await waitForWholeHistory()
    defer { start.queue?.hasBegun(workload.name) }
    do {
      let snapshot = try await tick()
      failures = 0
      await beginLearning()
      beginRefit()
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
    let level = hasLoggedPlan ? KedastralLogLevel.debug : .info
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
      // A server that does not respond is logged separately.
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

  /// The wait until the next round of a fixed schedule; missed rounds are skipped, and a clock that was set back does not delay
  /// the next one.
  private func untilNextRound(_ due: inout Date) -> Duration {
    let now = clock.now
    due = due + workload.interval
    if due <= now || due > now + workload.interval { due = now + workload.interval }
    return .seconds(due.timeIntervalSince(now))
  }

  /// One round: collects, forecasts, plans and stores.
  ///
  /// - Returns: the snapshot that was stored.
  /// - Throws: ForecastFailure with the stage; the state of the loop is then unchanged.
  @discardableResult
  public func tick() async throws(ForecastFailure) -> Snapshot {
    let end = clock.now.floored(to: workload.step)
    sourceFailure = nil
    takeUpRefits()
    // A stored history determines what is requested from the source.
    if histories.isUsed { await takeUpWhatIsStored() }
    current = feedsOfRound(upTo: end)
    let isLearning = start.feeds != nil
    _ = try await timed(.collect) { try await self.forEachMetric { try await self.collect($0, upTo: end) } }
    if !histories.isUsed { await takeUpWhatIsStored() }
    let histories = current.map(\.samples.modelSeries)
    let forecasts = try await timed(.forecast) {
      try await self.forEachMetric { try await self.forecast(self.current[$0], histories[$0]) }
    }
    let leadTime = await leadTimes.leadTime
    let isServing = planner.isServing(within: workload.planAge, at: clock.now)
    let running = isServing ? nil : await runningReplicas()
    let plan = try await timed(.plan) {
      try self.planner.plan(
        self.feeds.indices.map { index in
          Planner.Input(
            forecast: forecasts[index], history: histories[index],
            unsettledCount: self.current[index].samples.unsettledCount,
            repairedShare: Double(histories[index].missingCount) / Double(histories[index].count))
        }, problem: self.sourceFailure?.problem ?? self.start.problem, isLearning: isLearning, leadTime: leadTime,
        running: running, at: self.clock.now)
    }
    let snapshot = plan.snapshot
    storing = plan.record
    defer { storing = nil }
    let outcome = try await timed(.store) { [workload, store, clock] in
      try await withDeadline(workload.storeDeadline, clock: clock) { try await store.put(snapshot) }
    }
    planner.publish(plan)
    metrics.publish(snapshot)
    // After the plan, which a slow answer must not delay.
    await podsReader?.read()
    score(snapshot, forecasts[0], await podsReader?.pods)
    if outcome == .superseded {
      logger.debug("a newer forecast is stored", ["workload": workload.name.text])
    } else if !isLearning {
      await storeState(at: clock.now)
      await storeHistory()
    }
    // After the plan as well.
    await leadTimes.measureIfDue()
    return snapshot
  }

  /// Adds the round to the scorecard, and publishes what has changed.
  private func score(_ snapshot: Snapshot, _ forecast: Forecast, _ pods: RealPods?) {
    let before = scorecard.days
    let earliest = scorecard.earliestLoad
    scorecard.round(
      snapshot, forecast,
      loads: current.map {
        Scorecard.MeasuredLoad(
          $0.samples.suffix(from: earliest), settledEnd: $0.samples.settledEnd ?? .distantPast,
          targetPerPod: $0.metric.policy.targetPerPod)
      }, pods: pods ?? RealPods())
    if let pods { scorecardMetrics.publish(pods.count(at: snapshot.generatedAt), of: workload.name) }
    // Most rounds settle no minute, and a report costs more than a round.
    guard scorecard.days != before || scorecards.report(of: workload.name) == nil else { return }
    let report = scorecard.report(of: workload.name, isDryRun: workload.isDryRun, at: snapshot.generatedAt)
    scorecards.publish(report, of: workload.name)
    scorecardMetrics.publish(report)
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
      if let plan = latest, self.clock.now > plan.generatedAt + plan.horizon { metrics.forgetPlan(workload.name) }
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

  /// Runs an operation for each metric, by its index; an error contains the metric's name if there are several.
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

  /// Reads a metric's newest samples. The failure of a source is ignored in this round if there are samples to forecast from.
  private func collect(_ index: Int, upTo end: Date) async throws {
    let feed = current[index]
    do {
      try await read(feed, upTo: end)
    } catch {
      guard !Task.isCancelled, !(error is CancellationError), feed.samples.newestSampleAt != nil else {
        noteNoFirstSamples(error)
        throw error
      }
      feed.samples.extend(upTo: end)
      let failure = failure(.collect, metricFailure(index, error))
      metrics.count(failure)
      sourceFailure = failure
    }
    guard let silentSteps = feed.samples.silentSteps else {
      let error = NoSamples(window: start.feeds == nil ? workload.window : workload.step * workload.firstSteps)
      noteNoFirstSamples(error)
      throw error
    }
    guard silentSteps <= workload.windowSteps / 2 else { throw NoSamples(window: workload.step * silentSteps) }
  }

  /// Reads the samples that a metric lacks.
  func read(_ feed: Feed, upTo end: Date) async throws {
    let range = feed.samples.range(upTo: end)
    let source = feed.metric.source
    let reading = try await withDeadline(workload.collectDeadline, clock: clock) { [workload] in
      try await source.checkedRead(in: range, step: workload.step)
    }
    feed.samples.add(reading, upTo: end)
  }

  /// Resumes, once before the first plan, from what an earlier process stored: plan, state and settled history.
  private func takeUpWhatIsStored() async {
    unreadHistory = nil
    guard !hasAskedStore || histories.isUnread, !start.isBusy else { return }
    do {
      let isFirst = !hasAskedStore
      let (plan, state, history) = try await withDeadline(workload.storeDeadline, clock: clock) { [self] in
        guard isFirst else { return (Snapshot?.none, Data?.none, await storedHistory()) }
        return (try await store.get(workload.name), try await store.state(of: workload.name), await storedHistory())
      }
      hasAskedStore = true
      if let state { takeUp(state) }
      if let history { takeUp(history) }
      guard let plan, !plan.desiredReplicas.isEmpty else { return }
      planner.resume(from: plan)
      await leadTimes.resume(from: plan.leadTime)
      logger.info(
        "resuming from the stored plan",
        ["workload": workload.name.text, "replicas": "\(plan.desiredReplicas[plan.stepIndex(at: clock.now)])"])
    } catch {
      // The round continues without it: storing the plan reports an unavailable store, and the next round reads the plan again.
      logger.debug("stored plan not read", ["workload": workload.name.text, "error": "\(error)"])
    }
  }

  private func takeUp(_ stored: Data) {
    guard let state = LoopState(stored) else {
      logger.info("the stored state is not valid in this version", ["workload": workload.name.text])
      return
    }
    for (index, feed) in feeds.enumerated() {
      let load = histories.fingerprints[index]
      if let session = state.session(of: feed.metric, load: load) { feed.session.restore(session) }
      if let accuracy = state.accuracy(of: feed.metric, load: load, at: clock.now) {
        planner.resume(accuracy, ofMetric: index)
      }
      if let objective = state.objective(of: feed.metric, load: load) { planner.resume(objective, ofMetric: index) }
    }
    let loads = zip(feeds, histories.fingerprints).map { ($0.metric.name, $1) }
    guard let stored = state.scorecard, state.isSameLoad(loads) else { return }
    if !scorecard.resume(stored, at: clock.now) {
      logger.warn(
        "the stored scorecard is damaged or of another version; it begins again", ["workload": workload.name.text])
    }
  }

  /// The parts of the stored histories; nil when they are not needed or cannot be read.
  private func storedHistory() async -> [String: Data]? {
    guard histories.isUnread, let store = store as? any HistoryStore else { return nil }
    do { return try await store.history(of: workload.name) } catch {
      unreadHistory = "\(error)"
      return nil
    }
  }

  private func takeUp(_ history: [String: Data]) {
    histories.noteRead()
    for (index, feed) in feeds.enumerated() {
      if let problem = histories.resume(index, from: history, &feed.samples, &feed.session) {
        logger.warn(
          "the stored history is not used",
          ["workload": workload.name.text, "metric": feed.metric.name, "error": problem])
      }
    }
  }

  /// Stores the settled samples and fits that are not stored yet; a failure only makes a restart slower.
  private func storeHistory() async {
    if let unreadHistory { warnOfHistory("the stored history could not be read, so none is written", unreadHistory) }
    if histories.isUrgent { histories.setDue() }
    guard histories.isDue, let store = store as? any HistoryStore else { return }
    var writing = StoredHistories.Writing()
    for (index, feed) in feeds.enumerated() { histories.add(index, &feed.samples, feed.session, to: &writing) }
    do {
      if !writing.parts.isEmpty {
        try await withDeadline(workload.storeDeadline, clock: clock) { [workload, histories, writing] in
          try await store.putHistory(writing.parts, of: workload.name, lifetime: histories.lifetime)
        }
      }
      histories.wrote(writing)
    } catch {
      histories.failed()
      warnOfHistory("history not stored", "\(error)")
    }
  }

  /// Warns once; a plan was stored in the same round, so the store itself is available.
  private func warnOfHistory(_ message: String, _ error: String) {
    logger.log(
      hasWarnedOfHistory ? .debug : .warn, message, ["workload": workload.name.text, "error": error])
    hasWarnedOfHistory = true
  }

  /// Persists the session state every ten minutes; a per-workload offset spreads the writes.
  private func storeState(at now: Date) async {
    let interval = max(Self.stateInterval, workload.interval)
    guard let due = stateDue, due <= now + interval else {
      stateDue = now + interval * workload.name.share
      return
    }
    guard now >= due else { return }
    stateDue = now + interval
    histories.setDue()
    let parts = feeds.enumerated().map { index, feed in
      LoopState.Metric(
        name: feed.metric.name, model: feed.metric.model.name, accuracy: planner.accuracies[index],
        session: feed.session.state, objective: planner.objectives[index], load: histories.fingerprints[index]?.text)
    }
    let data = LoopState(parts, scorecard: scorecard.stored, at: now).data
    do {
      try await withDeadline(workload.storeDeadline, clock: clock) { [workload, store] in
        try await store.putState(data, of: workload.name)
      }
    } catch {
      // A failure only means that a restarted process has to learn this state again.
      logger.debug("state not stored", ["workload": workload.name.text, "error": "\(error)"])
    }
  }

  func forecast(_ feed: Feed, _ history: TimeSeries) async throws -> Forecast {
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
}
