import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// How a workload stands, in a word.
package enum WorkloadState: String, Sendable, CaseIterable, Codable {
  /// Its plan is fresh and covers what the load requires.
  case ok
  /// Its plan is fresh, and limits keep it below what the load requires.
  case capped
  /// No sample has come for too long; the plan follows the forecast alone.
  case bridged
  /// Its plan is too old, or was bridged for too long, to be served.
  case stale
  /// The last round failed; the plan, where there is one, is still fresh.
  case failing
  /// Its plan is made and shown, and not served.
  case dryRun = "dry-run"
  /// Its plan is a first one, from the last hours alone: its history is still to be read and fitted.
  case learning
  /// Its first plan is still to come.
  case starting

  /// The state of a workload.
  ///
  /// - Parameters:
  ///   - snapshot: its newest plan.
  ///   - problem: what its last round failed with.
  ///   - staleAfter: the age from which a plan is not served.
  ///   - leadTime: how far ahead limits count.
  package init(
    _ snapshot: Snapshot?, problem: WorkloadProblem?, staleAfter: Duration, leadTime: Duration, at now: Date
  ) {
    guard let snapshot else {
      self = problem == nil ? .starting : .failing
      return
    }
    if snapshot.staleness(at: now, limit: staleAfter) != nil {
      self = .stale
    } else if snapshot.bridgedUntil != nil {
      self = .bridged
    } else if problem != nil || snapshot.problem != nil {
      self = .failing
    } else if snapshot.isDryRun {
      self = .dryRun
    } else {
      let isCapped = snapshot.shortfall(leadTime: leadTime, at: now) != nil
      self = isCapped ? .capped : snapshot.isLearning ? .learning : .ok
    }
  }
}

/// What the latest rounds of a workload failed with.
package struct WorkloadProblem: Sendable, Equatable {
  /// The stage that failed last.
  package let stage: ForecastStage
  /// The last error, in one line.
  package let text: String
  /// When the first of the failures in a row happened.
  package let since: Date
  /// How many rounds have failed in a row.
  package let failures: Int

  /// Describes a problem.
  package init(stage: ForecastStage, text: String, since: Date, failures: Int) {
    self.stage = stage
    self.text = text
    self.since = since
    self.failures = failures
  }

  /// The problem in a sentence: `failing since 14:05 UTC (12 rounds): collect: …`.
  package func sentence(at now: Date) -> String {
    let rounds = failures == 1 ? "" : " (\(failures) rounds)"
    return "failing since \(Timestamp.clock(since, at: now))\(rounds): \(stage.rawValue): \(text)"
  }
}

/// The workloads that are configured, and what the latest round of each that this process forecasts failed with; safe to read
/// from any thread.
package final class WorkloadHealth: ForecastObserver {
  private struct State {
    var configured: [WorkloadName] = []
    var problems: [WorkloadName: WorkloadProblem?] = [:]
    var learning: Set<WorkloadName> = []
    var events: [WorkloadName: PlanEvents] = [:]
    var generation = 0
  }

  private let state = Mutex(State())
  private let leadTime: Duration

  /// Creates a record of no workloads.
  ///
  /// - Parameter leadTime: how far ahead limits count, where a plan has no lead time of its own.
  package init(leadTime: Duration = .seconds(300)) { self.leadTime = leadTime }

  /// Sets the workloads that this process forecasts; what is known of those that stay is kept.
  ///
  /// - Parameter all: the workloads that are configured, where others are forecast by other processes.
  package func configure(_ workloads: [WorkloadName], of all: [WorkloadName]? = nil) {
    state.withLock { state in
      let old = state.problems
      state.problems = Dictionary(workloads.map { ($0, old[$0] ?? nil) }) { first, _ in first }
      state.learning = state.learning.filter { state.problems[$0] != nil }
      state.events = state.events.filter { state.problems[$0.key] != nil }
      state.configured = Set(all ?? []).union(workloads).sorted()
      state.generation += 1
    }
  }

  /// The workloads of this process, each with its problem or nil.
  package var all: [WorkloadName: WorkloadProblem?] { state.withLock { $0.problems } }

  /// What happened to the plans of a workload that this process forecasts.
  package func events(of workload: WorkloadName) -> [PlanEvent] { state.withLock { $0.events[workload]?.all ?? [] } }

  /// Notes that the settings of workloads have changed.
  package func reloaded(_ workloads: some Sequence<WorkloadName>, at now: Date) {
    state.withLock { state in
      for name in workloads where state.problems[name] != nil {
        state.events[name, default: PlanEvents()].addReload(at: now)
      }
    }
  }

  /// The workloads that are configured, sorted by name, and a number that grows when they change.
  package var configured: (workloads: [WorkloadName], generation: Int) {
    state.withLock { ($0.configured, $0.generation) }
  }

  /// Whether this process forecasts a workload.
  package func owns(_ workload: WorkloadName) -> Bool { state.withLock { $0.problems[workload] != nil } }

  /// What a workload's latest rounds failed with; nil when the last one succeeded, or the workload is not this process's.
  package func problem(of workload: WorkloadName) -> WorkloadProblem? {
    state.withLock { $0.problems[workload] ?? nil }
  }

  /// How many of this process's workloads fail, and the names and errors of the first three; nil when none does.
  package var summary: String? {
    let failing = all.compactMapValues(\.self).sorted { $0.key < $1.key }
    guard !failing.isEmpty else { return nil }
    let named = failing.prefix(3).map { "\($0.key) (\($0.value.stage.rawValue): \($0.value.text))" }
    let others = failing.count > named.count ? ", …" : ""
    let total = all.count
    return
      "\(failing.count) of \(total) workload\(total == 1 ? "" : "s") failing: \(named.joined(separator: ", "))\(others)"
  }

  /// How many of this process's workloads have first plans only; nil when none has.
  package var learningSummary: String? {
    let (learning, total) = state.withLock { ($0.learning.count, $0.problems.count) }
    guard learning > 0 else { return nil }
    return
      "\(learning) of \(total) workload\(total == 1 ? "" : "s") learning: planned from the last hours until the history is read and fitted"
  }

  package func roundEnded(_ round: ForecastRound) {
    state.withLock { state in
      // A workload that was taken away meanwhile is not this process's any more.
      guard let known = state.problems[round.workload] else { return }
      state.events[round.workload, default: PlanEvents()].add(round, leadTime: leadTime)
      if let snapshot = round.snapshot {
        if snapshot.isLearning { state.learning.insert(round.workload) } else { state.learning.remove(round.workload) }
      }
      state.problems[round.workload] = .some(
        round.failure.map { failure in
          WorkloadProblem(
            stage: failure.stage, text: failure.problem, since: known?.since ?? round.endedAt,
            failures: (known?.failures ?? 0) + 1)
        })
    }
  }
}
