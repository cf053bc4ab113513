import KedastralCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The plans that a scaler serves, for `/explain`. Loop-bound.
final class ServedPlans: SnapshotLookup {
  private let clock: any WallClock
  private let leadTime: Duration
  private let staleAfter: Duration?
  private let health: (@Sendable (WorkloadName) -> WorkloadProblem?)?
  private var table = SnapshotTable()

  init(
    clock: any WallClock, leadTime: Duration, staleAfter: Duration?,
    problem: (@Sendable (WorkloadName) -> WorkloadProblem?)? = nil
  ) {
    self.clock = clock
    self.leadTime = leadTime
    self.staleAfter = staleAfter
    health = problem
  }

  var now: Date { clock.now }

  func apply(_ update: StoreUpdate) { table.apply(update, at: now) }

  func snapshot(of workload: String) -> Snapshot? { table[workload] }

  func nearest(to workload: String) -> String? { table.nearest(to: workload) }

  /// A scaler configures no workloads.
  func isConfigured(_ workload: WorkloadName) -> Bool { false }

  func problem(of workload: WorkloadName) -> WorkloadProblem? { health?(workload) }

  func state(of workload: WorkloadName) -> WorkloadState {
    let snapshot = table[workload.text]
    return WorkloadState(
      snapshot, problem: problem(of: workload), staleAfter: staleAfter ?? .seconds(120),
      leadTime: snapshot?.leadTime(orElse: leadTime) ?? leadTime, at: now)
  }
}
