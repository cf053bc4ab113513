/// The fits that replace older ones, made apart from the rounds: a round that is due is not delayed by one, and many that are due at
/// once, as after a restart, are made one after the other.
struct Refits {
  fileprivate(set) var task: Task<Void, Never>?
  /// The new fits by metric, for the next round; nil where a metric's history allows none any more.
  fileprivate var made: [Int: [UInt8]?] = [:]
}

extension ForecastLoop {
  /// Begins to fit again what is due, when it is this loop's turn among those of its process.
  func beginRefit() {
    guard let queue = start.queue, start.isOver, refits.task == nil else { return }
    for feed in feeds { feed.setFittedApart(true) }
    let due = feeds.indices.filter { (feeds[$0].session as? any FittedSession)?.isFitDue == true }
    guard !due.isEmpty else { return }
    queue.learns(workload.name)
    let priority = LearningPriority.ofRefit(
      due.map { feeds[$0].samples.suffix(workload.firstSteps) }, replicas: latest?.desiredReplicas.first ?? 1)
    refits.task = Task(priority: .utility) { await self.refit(due, queue, priority) }
  }

  /// Gives the sessions the new fits, before a round.
  func takeUpRefits() {
    guard !refits.made.isEmpty else { return }
    for (index, fit) in refits.made {
      guard var session = feeds[index].session as? any FittedSession else { continue }
      // Without a new fit the session tries to fit in this round, and finds that it cannot.
      session.isFittedApart = fit.map { session.restore(fit: $0) } ?? false
      feeds[index].session = session
    }
    refits = Refits()
  }

  private func refit(_ due: [Int], _ queue: LearningQueue, _ priority: Double) async {
    defer { queue.learned(workload.name) }
    try? await queue.fit(priority: priority) { await self.refit(due) }
  }

  private func refit(_ due: [Int]) async {
    var made: [Int: [UInt8]?] = [:]
    for index in due { made[index] = .some(await newFit(ofMetric: index)) }
    refits.made = made
  }

  private func newFit(ofMetric index: Int) async -> [UInt8]? {
    let feed = feeds[index]
    let unsettled = feed.samples.unsettledCount
    // The loop's own session belongs to the rounds.
    var session = feed.metric.model.makeSession()
    _ = try? await session.forecast(
      feed.samples.modelSeries, HistoryChange(unsettledCount: unsettled), steps: workload.horizonSteps + 1,
      quantiles: workload.wantedQuantiles(of: feed.metric))
    return (session as? any FittedSession)?.fit
  }
}
