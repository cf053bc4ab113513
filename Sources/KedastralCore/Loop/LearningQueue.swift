import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Lets the loops of a process read their long histories and fit their models one after the other, and logs the progress.
package final class LearningQueue: Sendable {
  /// How often the progress is logged.
  private static let logInterval: Duration = .seconds(30)
  /// How long the processor rests after a fit, as a share of the time that the fit took, and at most: ten thousand fits in a row
  /// leave a part of the cores to rounds and requests.
  private static let rest = (share: 0.5, longest: Duration.milliseconds(200))

  private struct State {
    var schedule = LearningSchedule()
    var lastTicket = 0
    var waiters: [Int: CheckedContinuation<Void, any Error>] = [:]
    var cancelled: Set<Int> = []
    /// When the workloads began to learn; nil when none does.
    var since: Date?
    var loggedAt: Date?
  }

  private let state = Mutex(State())
  private let clock: any WallClock
  private let logger: KedastralLogger

  /// Creates a queue without workloads.
  package init(clock: any WallClock, logger: KedastralLogger) {
    self.clock = clock
    self.logger = logger
  }

  /// The workloads' first rounds are about to begin.
  func begins(_ workloads: [WorkloadName]) {
    state.withLock { state in for workload in workloads { state.schedule.begins(workload) } }
  }

  /// A workload's first round has ended.
  func hasBegun(_ workload: WorkloadName) { resume { $0.schedule.hasBegun(workload) } }

  /// A workload has a first plan, and its history is to be read and fitted.
  func learns(_ workload: WorkloadName) {
    let now = clock.now
    state.withLock { state in
      state.schedule.learns(workload)
      if state.since == nil { (state.since, state.loggedAt) = (now, nil) }
    }
  }

  /// Returns when all workloads have had their first round.
  func waitForStart() async throws { try await turn(.read, 0) {} }

  /// A workload is fitted.
  func learned(_ workload: WorkloadName) {
    state.withLock { $0.schedule.learned(workload) }
    log()
  }

  /// A workload is not forecast any more.
  func forget(_ workload: WorkloadName) {
    resume { $0.schedule.forget(workload) }
    log()
  }

  /// Reads a history and fits it, each when it is the workload's turn.
  ///
  /// - Parameters:
  ///   - priority: the higher, the sooner.
  ///   - isJoint: whether the read is shared with other workloads, so that it needs no turn.
  func learn(
    priority: Double, isJoint: Bool, read: @Sendable () async throws -> Void,
    fit: @Sendable () async throws -> Void
  ) async throws {
    if isJoint {
      try await waitForStart()
      try await read()
      try await turn(.fit, priority, fit)
    } else {
      // The next histories are not read before this one is fitted, so that few of them wait in memory.
      try await turn(.read, priority) {
        try await read()
        try await self.turn(.fit, priority, fit)
      }
    }
  }

  /// Fits a history again when it is the workload's turn.
  func fit(priority: Double, _ body: @Sendable () async throws -> Void) async throws {
    try await turn(.fit, priority, body)
  }

  private func turn(
    _ stage: LearningSchedule.Stage, _ priority: Double, _ body: () async throws -> Void
  ) async throws {
    try await wait(stage, priority)
    defer { resume { $0.schedule.ended(stage) } }
    let begin = ContinuousClock.now
    try await body()
    guard stage == .fit else { return }
    // A cancelled task does not rest; its fit is kept.
    try? await Task.sleep(for: min((ContinuousClock.now - begin) * Self.rest.share, Self.rest.longest))
  }

  private func wait(_ stage: LearningSchedule.Stage, _ priority: Double) async throws {
    let ticket = state.withLock { state in
      state.lastTicket += 1
      return state.lastTicket
    }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { (waiter: CheckedContinuation<Void, any Error>) in
        let isCancelled = state.withLock { state in
          if state.cancelled.remove(ticket) != nil { return true }
          state.waiters[ticket] = waiter
          state.schedule.wait(ticket, for: stage, priority: priority)
          return false
        }
        if isCancelled { waiter.resume(throwing: CancellationError()) } else { resume { _ in } }
      }
    } onCancel: {
      let waiter = state.withLock { state in
        state.schedule.cancel(ticket)
        let waiter = state.waiters.removeValue(forKey: ticket)
        // Cancelled before it waits, or after its turn began.
        if waiter == nil { state.cancelled.insert(ticket) }
        return waiter
      }
      waiter?.resume(throwing: CancellationError())
    }
    state.withLock { _ = $0.cancelled.remove(ticket) }
  }

  /// Changes the state, and begins the turns that are possible then.
  private func resume(_ change: (inout State) -> Void) {
    let begun = state.withLock { state in
      change(&state)
      return state.schedule.next().compactMap { state.waiters.removeValue(forKey: $0) }
    }
    for waiter in begun { waiter.resume() }
  }

  /// Logs the progress, at most every thirty seconds, and the end of a long one.
  private func log() {
    let now = clock.now
    let line: (message: String, fields: KeyValuePairs<String, String>)? = state.withLock { state in
      guard let since = state.since else { return nil }
      let took = now.timeIntervalSince(since)
      guard let (learned, count) = state.schedule.progress else {
        defer { (state.since, state.loggedAt) = (nil, nil) }
        let text = DurationText.format(.seconds(max(0, took.rounded())))
        return state.loggedAt == nil ? nil : ("all workloads are fitted", ["after": text])
      }
      guard now.timeIntervalSince(state.loggedAt ?? since) >= Self.logInterval.inSeconds else { return nil }
      state.loggedAt = now
      return ("reading and fitting histories", ["fitted": "\(learned) of \(count)"])
    }
    if let line { logger.info(line.message, line.fields) }
  }
}
