import KedastralCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The plans that a scaler serves, for `/explain`. Loop-bound.
final class ServedPlans: SnapshotLookup {
  private let clock: any WallClock
  private var table = SnapshotTable()

  init(clock: any WallClock) { self.clock = clock }

  var now: Date { clock.now }

  func apply(_ update: StoreUpdate) { table.apply(update, at: now) }

  func snapshot(of workload: String) -> Snapshot? { table[workload] }
}
