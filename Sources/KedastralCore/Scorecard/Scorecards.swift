import Synchronization

/// The newest scorecard report of each workload that this process forecasts; safe to read from any thread.
package final class Scorecards: Sendable {
  /// What the scorecards compare with.
  package let settings: ScorecardSettings
  private let reports = Mutex<[WorkloadName: ScorecardReport]>([:])

  /// Creates an empty board.
  package init(_ settings: ScorecardSettings = ScorecardSettings()) { self.settings = settings }

  /// The report of a workload; nil when this process has not planned it yet.
  package func report(of workload: WorkloadName) -> ScorecardReport? { reports.withLock { $0[workload] } }

  /// All reports, by workload.
  package var all: [ScorecardReport] {
    reports.withLock { Array($0.values) }.sorted { $0.workload < $1.workload }
  }

  /// Replaces the report of a workload.
  package func publish(_ report: ScorecardReport, of workload: WorkloadName) {
    reports.withLock { $0[workload] = report }
  }

  func forget(_ workload: WorkloadName) { reports.withLock { $0[workload] = nil } }
}
