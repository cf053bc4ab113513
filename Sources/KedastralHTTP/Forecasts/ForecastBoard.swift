import KedastralCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Everything that the forecast API answers from: the newest snapshots, their JSON, how the configured workloads stand, and
/// what was requested recently.
///
/// Loop-bound, so no answer takes a lock or waits for a store.
final class ForecastBoard {
  private let clock: any WallClock
  private let leadTime: Duration
  private let interval: @Sendable (WorkloadName) -> Duration
  private let staleAfter: Duration?
  private let series: @Sendable (WorkloadName) -> ForecastSeries?
  private let labels: @Sendable () -> WorkloadLabels
  private let health: WorkloadHealth?
  private let planMetrics: PlanMetrics
  private var table = SnapshotTable()
  private var trails: [String: ReplicaTrail] = [:]
  private var forecasts: [String: ForecastTrail] = [:]
  /// Documents that have been requested since their snapshot arrived.
  private var documents: [String: [UInt8]] = [:]
  private var workloads: [String]?
  /// The workloads that are configured or have a plan, sorted, and the configuration that they are of.
  private var listed: (names: [WorkloadName], generation: Int)?

  /// - Parameters:
  ///   - staleAfter: the age from which plans are not served; nil for two intervals of the workload.
  ///   - series: the parts of a workload's forecast that are exported as metrics; nil for none.
  ///   - labels: the labels of all workloads.
  ///   - health: the configured workloads and what their rounds fail with; nil where plans are only followed.
  init(
    clock: any WallClock, leadTime: Duration, interval: @escaping @Sendable (WorkloadName) -> Duration,
    staleAfter: Duration? = nil, series: @escaping @Sendable (WorkloadName) -> ForecastSeries? = { _ in nil },
    labels: @escaping @Sendable () -> WorkloadLabels = { WorkloadLabels() }, health: WorkloadHealth? = nil,
    metrics: MetricsRegistry
  ) {
    self.clock = clock
    self.leadTime = leadTime
    self.interval = interval
    self.staleAfter = staleAfter
    self.series = series
    self.labels = labels
    self.health = health
    planMetrics = PlanMetrics(metrics)
  }

  /// The current instant.
  var now: Date { clock.now }

  /// Takes over one change of the store.
  func apply(_ update: StoreUpdate) {
    let name = update.workload.text
    table.apply(update, at: now)
    documents[name] = nil
    guard let snapshot = table[name] else {
      (trails[name], forecasts[name]) = (nil, nil)
      (workloads, listed) = (nil, nil)
      return
    }
    if trails[name] == nil { (workloads, listed) = (nil, nil) }
    forecasts[name, default: ForecastTrail()].record(snapshot, leadTime: snapshot.leadTime(orElse: leadTime))
    trails[name, default: ReplicaTrail()].record(
      snapshot.replicasAskedFor(leadTime: snapshot.leadTime(orElse: leadTime), at: now), at: now)
  }

  /// The newest snapshot of a workload.
  func snapshot(of workload: String) -> Snapshot? { table[workload] }

  func nearest(to workload: String) -> String? { table.nearest(to: workload) }

  /// The newest snapshot as JSON.
  func document(of snapshot: Snapshot) throws -> [UInt8] {
    if let present = documents[snapshot.workload.text] { return present }
    let document = try Array(snapshot.json())
    documents[snapshot.workload.text] = document
    return document
  }

  /// Whether a snapshot is older than two intervals of its workload, or was bridged for too long.
  func isStale(_ snapshot: Snapshot) -> Bool {
    snapshot.staleness(at: now, limit: interval(snapshot.workload) * 2) != nil
  }

  /// The age from which a workload's plan is not served.
  private func limit(of workload: WorkloadName) -> Duration { staleAfter ?? interval(workload) * 2 }

  func problem(of workload: WorkloadName) -> WorkloadProblem? { health?.problem(of: workload) }

  func isConfigured(_ workload: WorkloadName) -> Bool { everything.contains(workload) }

  /// How a workload stands.
  func state(of workload: WorkloadName) -> WorkloadState {
    let snapshot = table[workload.text]
    return WorkloadState(
      snapshot, problem: problem(of: workload), staleAfter: limit(of: workload),
      leadTime: snapshot?.leadTime(orElse: leadTime) ?? leadTime, at: now)
  }

  /// The workloads that are configured or have a snapshot, sorted by name.
  private var everything: [WorkloadName] {
    let (configured, generation) = health?.configured ?? ([], 0)
    if let listed, listed.generation == generation { return listed.names }
    let names = Set(configured).union(table.all.map(\.workload)).sorted()
    listed = (names, generation)
    return names
  }

  /// The workloads that have a snapshot, sorted by name.
  var names: [String] {
    if let workloads { return workloads }
    let sorted = table.all.map(\.workload.text).sorted()
    workloads = sorted
    return sorted
  }

  /// The recent requests.
  func trail(of workload: String) -> [ReplicaTrail.Entry] { trails[workload]?.entries ?? [] }

  /// What was forecast one lead time before each instant.
  func forecasts(of workload: String) -> [ForecastTrail.Entry] { forecasts[workload]?.entries ?? [] }

  /// What happened to a workload's plans, where this process makes them.
  func events(of workload: WorkloadName) -> [PlanEvent] { health?.events(of: workload) ?? [] }

  /// All workloads as they stand now.
  func overview() -> Overview {
    let now = now
    let problems = health?.all ?? [:]
    let rows = everything.map { name in
      OverviewRow(
        name, table[name.text], problem: problems[name] ?? nil, leadTime: leadTime, staleAfter: limit(of: name), at: now
      )
    }
    return Overview(now: now, rows: rows, labels: labels())
  }

  /// What brings the metrics up to date that follow the clock; it may run on any thread.
  func metricsUpdate() -> @Sendable () -> Void {
    let overview = overview()
    return { [planMetrics, health, leadTime, series] in
      planMetrics.publish(overview, leadTime: leadTime, series: series) { health?.owns($0) ?? true }
    }
  }
}
