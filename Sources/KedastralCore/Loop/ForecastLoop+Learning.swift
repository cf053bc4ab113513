#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The first plans of a loop without a stored history, or with one that ended long ago.
///
/// They are based on the last hours. The feeds with the whole history are read and fitted apart from the rounds, when it is the
/// loop's turn among those of its process, and replace the first ones afterwards.
struct FirstPlans {
  /// Decides whose turn it is; nil when the first round reads and fits the whole history.
  let queue: LearningQueue?
  /// The feeds of first plans; nil when the rounds have the whole history.
  fileprivate(set) var feeds: [ForecastLoop.Feed]?
  fileprivate var learner: Task<Void, Never>?
  /// Whether rounds have the whole history from now on.
  fileprivate(set) var isOver = false
  /// Whether the source has nothing in the last hours, so that the whole history is to be read at once.
  fileprivate var isTooShort = false
  /// Why the history could not be read, after several attempts.
  fileprivate(set) var problem: String?

  init(_ queue: LearningQueue?) {
    self.queue = queue
  }

  /// Whether the feeds with the whole history are being read and fitted, and belong to that task.
  var isBusy: Bool { learner != nil && !isOver }
}

extension ForecastLoop {
  /// The attempts to read the history after which its problem is reported.
  private static let quietAttempts = 3

  /// What the next round plans from.
  func feedsOfRound(upTo end: Date) -> [Feed] {
    if start.queue == nil || start.isOver {
      start.feeds = nil
    } else if start.learner == nil {
      let isLearning =
        workload.windowSteps > 2 * workload.firstSteps
        && feeds.contains { $0.isUnfitted || $0.isBehind(workload, at: end) }
      let first =
        isLearning ? start.feeds ?? feeds.compactMap { Feed(firstOf: $0, of: workload, upTo: end) } : []
      start.feeds = first.count == feeds.count ? first : nil
    }
    return start.feeds ?? feeds
  }

  /// Begins to learn after the first plan, or notes that there is nothing to learn.
  func beginLearning() async {
    guard let queue = start.queue, !start.isOver, start.learner == nil else { return }
    guard let first = start.feeds else {
      start.isOver = true
      return
    }
    queue.learns(workload.name)
    await announceHistory()
    let priority = LearningPriority.of(first.map(\.samples.series), replicas: latest?.desiredReplicas.first ?? 1)
    start.learner = Task(priority: .utility) { await self.learn(queue, priority) }
  }

  /// Waits for the other workloads' first plans, if this one's needs the whole history.
  func waitForWholeHistory() async {
    guard start.isTooShort, !start.isOver, let queue = start.queue else { return }
    try? await queue.waitForStart()
    start.isOver = true
  }

  /// Notes why a metric has no samples for a first plan: an available source may have older ones.
  func noteNoFirstSamples(_ error: any Error) {
    guard start.feeds != nil, start.learner == nil, !(error is DeadlineExceeded),
      (error as? any SourceFault)?.outage == nil
    else { return }
    start.isTooShort = true
  }

  /// Runs one round in a task of its own: a round's frames take 20 KiB, which are then not kept while the loop waits.
  func attemptApart() async -> Duration? {
    await withTaskGroup(of: Duration?.self) { group in
      group.addTask { await self.attempt() }
      return await group.next() ?? nil
    }
  }

  /// Ends the learning with the loop.
  func stopLearning() async {
    start.learner?.cancel()
    refits.task?.cancel()
    await start.learner?.value
    await refits.task?.value
    start.queue?.forget(workload.name)
  }

  private func learn(_ queue: LearningQueue, _ priority: Double) async {
    let isJoint = feeds.allSatisfy { $0.metric.source is any JointSource }
    var attempts = 0
    while !Task.isCancelled {
      do {
        try await queue.learn(priority: priority, isJoint: isJoint) {
          try await self.readHistory()
        } fit: {
          await self.fitHistory()
        }
        (start.isOver, start.problem) = (true, nil)
        histories.setDue()
        return queue.learned(workload.name)
      } catch {
        guard !Task.isCancelled else { return }
        attempts += 1
        noteUnread(error, attempts)
        try? await clock.sleep(for: backoff.delay(afterFailures: attempts))
      }
    }
  }

  private func announceHistory() async {
    let end = clock.now.floored(to: workload.step)
    for feed in feeds {
      guard let source = feed.metric.source as? any JointSource else { continue }
      await source.announceHistory(from: feed.samples.range(upTo: end).lowerBound)
    }
  }

  private func readHistory() async throws {
    let end = clock.now.floored(to: workload.step)
    for feed in feeds { try await read(feed, upTo: end) }
  }

  private func fitHistory() async {
    for feed in feeds where feed.samples.newestSampleAt != nil {
      feed.setFittedApart(false)
      // An error is repeated and reported by the next round.
      _ = try? await forecast(feed, feed.samples.modelSeries)
      feed.setFittedApart(true)
    }
  }

  private func noteUnread(_ error: any Error, _ attempts: Int) {
    let isReported = attempts == Self.quietAttempts
    logger.log(
      isReported ? .warn : .debug, "the history could not be read; plans are based on the last hours until it is",
      ["workload": workload.name.text, "error": "\(error)"])
    if attempts >= Self.quietAttempts { start.problem = "the history could not be read: \(error)" }
  }
}

/// The order in which workloads are learned.
enum LearningPriority {
  /// The pods at stake: the planned replicas, times the rise of the load in the last quarter of the samples.
  static func of(_ loads: [TimeSeries], replicas: Int) -> Double {
    Double(max(1, replicas)) * (loads.map(rise).max() ?? 1)
  }

  /// The same for fits that replace older ones: below those of workloads with first plans only, and in the same order.
  static func ofRefit(_ loads: [TimeSeries], replicas: Int) -> Double { 1 - 1 / (1 + of(loads, replicas: replicas)) }

  /// The mean of the last quarter of the samples divided by that of the others; from 1 to 10.
  private static func rise(_ load: TimeSeries) -> Double {
    let present = load.values.filter(\.isFinite)
    let late = present.suffix(present.count / 4)
    let early = present.dropLast(late.count)
    guard !late.isEmpty else { return 1 }
    let before = early.reduce(0, +) / Double(early.count)
    let now = late.reduce(0, +) / Double(late.count)
    return now > before ? min(10, before > 0 ? now / before : 10) : 1
  }
}
