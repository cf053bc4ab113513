import KedastralCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Everything that the forecast API answers from: the newest snapshots, their JSON, and what was asked for lately.
///
/// Loop-bound, so no answer takes a lock or waits for a store.
final class ForecastBoard {
  private let clock: any WallClock
  private let leadTime: Duration
  private let interval: @Sendable (WorkloadName) -> Duration
  private let age: MetricFamily
  private var table = SnapshotTable()
  private var trails: [String: ReplicaTrail] = [:]
  /// Documents that have been asked for since their snapshot came.
  private var documents: [String: [UInt8]] = [:]
  private var workloads: [String]?

  init(
    clock: any WallClock, leadTime: Duration, interval: @escaping @Sendable (WorkloadName) -> Duration,
    metrics: MetricsRegistry
  ) {
    self.clock = clock
    self.leadTime = leadTime
    self.interval = interval
    age = metrics.gauge(
      "kedastral_forecast_age_seconds", help: "Age of the newest forecast of a workload.", labels: ["workload"])
  }

  /// The current instant.
  var now: Date { clock.now }

  /// Takes over one change of the store.
  func apply(_ update: StoreUpdate) {
    let name = update.workload.text
    table.apply(update, at: now)
    documents[name] = nil
    guard let snapshot = table[name] else {
      trails[name] = nil
      workloads = nil
      age.remove(name)
      return
    }
    if trails[name] == nil { workloads = nil }
    trails[name, default: ReplicaTrail()].record(
      snapshot.replicasAskedFor(leadTime: leadTime, at: now), at: now)
  }

  /// The newest snapshot of a workload.
  func snapshot(of workload: String) -> Snapshot? { table[workload] }

  /// The newest snapshot as JSON.
  func document(of snapshot: Snapshot) throws -> [UInt8] {
    if let present = documents[snapshot.workload.text] { return present }
    let document = try Array(snapshot.json())
    documents[snapshot.workload.text] = document
    return document
  }

  /// Whether a snapshot is older than two intervals of its workload.
  func isStale(_ snapshot: Snapshot) -> Bool { snapshot.age(at: now) > interval(snapshot.workload) * 2 }

  /// The workloads that have a snapshot, sorted by name.
  var names: [String] {
    if let workloads { return workloads }
    let sorted = table.all.map(\.workload.text).sorted()
    workloads = sorted
    return sorted
  }

  /// What was asked for lately.
  func trail(of workload: String) -> [ReplicaTrail.Entry] { trails[workload]?.entries ?? [] }

  /// All workloads as they stand now.
  func overview() -> Overview {
    let now = now
    let rows = names.compactMap { name in
      table[name].map { OverviewRow($0, leadTime: leadTime, isStale: isStale($0), at: now) }
    }
    return Overview(now: now, rows: rows)
  }

  /// Brings the ages up to date.
  func updateAges() {
    let now = now
    for snapshot in table.all { age.with(snapshot.workload.text).set(snapshot.age(at: now).inSeconds) }
  }
}
