import FoundationEssentials
import KedastralCore
import KedastralSources
import Synchronization

/// Follows a forecaster over its HTTP API: fetches every workload's plan again and again, ahead of any question.
/// The existing plans stay in use while the forecaster is unavailable, until they are stale.
struct ForecasterFollower {
  /// How often plans are fetched; with thousands of workloads less often, so that the forecaster is not kept busy by it.
  private static let interval: Duration = .seconds(5)
  private static let intervalPerWorkload: Duration = .milliseconds(5)

  let forecaster: ForecasterClient
  let clock: any WallClock
  let logger: KedastralLogger
  private let fetchSeconds: Metric
  private let fetchErrors: Metric
  private let updates = UpdateBroadcast()
  /// What the forecaster's rounds fail with.
  private let problems = FollowedProblems()
  /// Which plans were rejected last, so that each error is logged once.
  private let rejections = Rejections()

  init(_ forecaster: ForecasterClient, clock: any WallClock, metrics: MetricsRegistry, logger: KedastralLogger) {
    self.forecaster = forecaster
    self.clock = clock
    self.logger = logger
    fetchSeconds = metrics.histogram(
      "kedastral_scaler_forecast_fetch_duration_seconds", help: "Time to fetch a plan from the forecaster."
    ).with()
    fetchErrors = metrics.counter(
      "kedastral_scaler_forecast_fetch_errors_total", help: "Number of plans that could not be fetched."
    ).with()
  }

  /// What is fetched, to be asked for before ``run(onOutcome:)`` begins.
  func makeUpdates() -> AsyncStream<StoreUpdate> { updates.subscribe { _ in } }

  /// What a workload's latest rounds failed with at the forecaster, as of the last fetch; for any thread.
  func problem(of workload: WorkloadName) -> WorkloadProblem? { problems[workload] }

  /// Fetches until the task is cancelled; `onOutcome` gets after each round how many workloads there are, or what is wrong.
  func run(onOutcome: @Sendable (Outcome) -> Void) async throws {
    var known: Set<WorkloadName> = []
    var failures = 0
    let backoff = Backoff(initial: .milliseconds(500), maximum: Self.interval)
    while true {
      do {
        known = try await fetchAll(known)
        if failures > 0 { logger.info("forecaster is reachable again", ["failedRounds": "\(failures)"]) }
        failures = 0
        onOutcome(.workloads(known.count))
        try await clock.sleep(for: max(Self.interval, Self.intervalPerWorkload * known.count))
      } catch is CancellationError {
        throw CancellationError()
      } catch {
        failures += 1
        fetchErrors.increment()
        onOutcome(.problem("\(error)"))
        let delay = backoff.delay(afterFailures: failures)
        // A line when it begins; the end is logged above with how many rounds failed.
        logger.log(
          failures == 1 ? .warn : .debug, "forecaster is not reachable",
          ["error": "\(error)", "retryIn": DurationText.format(delay)])
        try await clock.sleep(for: delay)
      }
    }
  }

  /// How a round ended.
  enum Outcome: Sendable {
    case workloads(Int)
    case problem(String)
  }

  private func fetchAll(_ known: Set<WorkloadName>) async throws -> Set<WorkloadName> {
    let listing = try await forecaster.workloads()
    problems.replace(by: listing.problems)
    let names = listing.planned
    for gone in known.subtracting(names) { updates.send(.removed(gone)) }
    try await withThrowingTaskGroup(of: Void.self) { group in
      for name in names { group.addTask { try await fetch(name) } }
      try await group.waitForAll()
    }
    return Set(names)
  }

  private func fetch(_ workload: WorkloadName) async throws {
    let begin = ContinuousClock.now
    do {
      guard let snapshot = try await forecaster.snapshot(of: workload) else { return updates.send(.removed(workload)) }
      updates.send(.put(snapshot))
      rejections.forget(workload)
      fetchSeconds.observe(ContinuousClock.now - begin)
    } catch let error as SnapshotError {
      // One bad plan must not keep the others from being fetched; the last good one stays.
      fetchErrors.increment()
      logger.log(
        rejections.isNew("\(error)", of: workload) ? .warn : .debug, "plan rejected",
        ["workload": workload.text, "error": "\(error)"])
    }
  }
}

/// Problems by workload, for any thread.
private final class FollowedProblems: Sendable {
  private let problems = Mutex<[WorkloadName: WorkloadProblem]>([:])

  subscript(workload: WorkloadName) -> WorkloadProblem? { problems.withLock { $0[workload] } }

  func replace(by new: [WorkloadName: WorkloadProblem]) { problems.withLock { $0 = new } }
}

/// The error that each workload's plan was rejected with last.
private final class Rejections: Sendable {
  private let errors = Mutex<[WorkloadName: String]>([:])

  func isNew(_ error: String, of workload: WorkloadName) -> Bool {
    errors.withLock { $0.updateValue(error, forKey: workload) != error }
  }

  func forget(_ workload: WorkloadName) { _ = errors.withLock { $0.removeValue(forKey: workload) } }
}
