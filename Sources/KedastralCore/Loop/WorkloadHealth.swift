import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// How a workload stands, in a word.
public enum WorkloadState: String, Sendable, CaseIterable {
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
  /// Its first plan is still to come.
  case starting

  /// The state of a workload.
  ///
  /// - Parameters:
  ///   - snapshot: its newest plan.
  ///   - problem: what its last round failed with.
  ///   - staleAfter: the age from which a plan is not served.
  ///   - leadTime: how far ahead limits count.
  public init(
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
      self = snapshot.shortfall(leadTime: leadTime, at: now) == nil ? .ok : .capped
    }
  }
}

/// What the latest rounds of a workload failed with.
public struct WorkloadProblem: Sendable, Equatable {
  /// The stage that failed last.
  public let stage: ForecastStage
  /// The last error, in one line.
  public let text: String
  /// When the first of the failures in a row happened.
  public let since: Date
  /// How many rounds have failed in a row.
  public let failures: Int
}

/// The workloads that a process forecasts, and what the latest round of each failed with; safe to read from any thread.
public final class WorkloadHealth: ForecastObserver {
  private let problems = Mutex<[WorkloadName: WorkloadProblem?]>([:])

  /// Creates a record of no workloads.
  public init() {}

  /// Sets the workloads that this process forecasts; what is known of those that stay is kept.
  public func configure(_ workloads: [WorkloadName]) {
    problems.withLock { old in
      old = Dictionary(workloads.map { ($0, old[$0] ?? nil) }) { first, _ in first }
    }
  }

  /// The workloads of this process, each with its problem or nil.
  public var all: [WorkloadName: WorkloadProblem?] { problems.withLock { $0 } }

  /// What a workload's latest rounds failed with; nil when the last one succeeded, or the workload is not this process's.
  public func problem(of workload: WorkloadName) -> WorkloadProblem? { problems.withLock { $0[workload] ?? nil } }

  public func roundEnded(_ round: ForecastRound) {
    problems.withLock { problems in
      // A workload that was taken away meanwhile is not this process's any more.
      guard let known = problems[round.workload] else { return }
      problems[round.workload] = .some(
        round.failure.map { failure in
          WorkloadProblem(
            stage: failure.stage, text: failure.problem, since: known?.since ?? round.endedAt,
            failures: (known?.failures ?? 0) + 1)
        })
    }
  }
}
