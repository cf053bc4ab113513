import KedastralCore
import KedastralHTTP
import KedastralRedisStore
import Synchronization

/// A workload that is to be forecast, with what must run for it.
package struct ServedWorkload: Sendable {
  /// Stands for the settings of a workload or of its sources: those that are the same have the same one.
  package final class Revision: Sendable {
    package init() {}
  }

  package let workload: Workload
  /// What its sources need to have run.
  package let services: [ServiceRunner.Service]
  /// The most replicas that its policy plans, where that is known.
  package let maxReplicas: Int?
  package let revision: Revision
  package let sourcesRevision: Revision

  package init(
    _ workload: Workload, services: [ServiceRunner.Service] = [], maxReplicas: Int? = nil,
    revision: Revision = Revision(), sourcesRevision: Revision = Revision()
  ) {
    self.workload = workload
    self.services = services
    self.maxReplicas = maxReplicas
    self.revision = revision
    self.sourcesRevision = sourcesRevision
  }
}

/// How a change of workloads compares with those before.
package struct WorkloadsChange: Sendable, Equatable {
  /// How many workloads are new.
  package var added = 0
  /// How many have other settings.
  package var changed = 0
  /// How many are gone.
  package var removed = 0
  /// How many continue as they were.
  package var kept = 0

  package init() {}
}

/// The workloads that a process is to forecast, and those of them that it does: they change with the configuration, and with
/// the shard that it has among others.
///
/// Changes are made one after the other by ``run()``. A workload whose settings stay keeps its loop, with history, model and
/// plan; a workload with changed settings resumes from its stored plan and keeps its unchanged sources.
package actor WorkloadRoster {
  private enum Event: Sendable {
    case shard(Shard)
    case entries([ServedWorkload], done: CheckedContinuation<WorkloadsChange, Never>)
  }

  private let forecaster: Forecaster
  private let store: any ForecastStore
  private let readiness: ForecastReadiness
  private let membership: ShardMembership?
  private let bounds: MetricFamily
  private let logger: KedastralLogger
  private let events: AsyncStream<Event>
  private let sendEvent: AsyncStream<Event>.Continuation

  private var entries: [WorkloadName: ServedWorkload] = [:]
  private var collecting: [WorkloadName: [Task<Void, Never>]] = [:]
  /// The share that this process has; nil until it is known, where there are others.
  private var shard: Shard?
  /// How often each workload is forecast, for callers on other threads.
  private let intervals: Mutex<[WorkloadName: Duration]>
  /// The workloads whose limit is exported: those of this process's share.
  private var bounded: Set<WorkloadName> = []

  init(
    _ entries: [ServedWorkload], forecaster: Forecaster, store: any ForecastStore, readiness: ForecastReadiness,
    membership: ShardMembership?, metrics: MetricsRegistry, logger: KedastralLogger
  ) {
    self.forecaster = forecaster
    self.store = store
    self.readiness = readiness
    self.membership = membership
    self.logger = logger
    self.entries = Dictionary(uniqueKeysWithValues: entries.map { ($0.workload.name, $0) })
    intervals = Mutex(self.entries.mapValues(\.workload.interval))
    (events, sendEvent) = AsyncStream.makeStream(of: Event.self)
    bounds = metrics.gauge(
      "kedastral_max_replicas", help: "The maximum replicas of a workload's policy.", labels: ["workload"])
  }

  /// How often a workload is forecast.
  nonisolated func interval(of workload: WorkloadName) -> Duration {
    intervals.withLock { $0[workload] } ?? .seconds(30)
  }

  /// Takes over other workloads; returns when the loops are as they are to be.
  func replace(by entries: [ServedWorkload]) async -> WorkloadsChange {
    await withCheckedContinuation { continuation in
      if case .terminated = sendEvent.yield(.entries(entries, done: continuation)) {
        continuation.resume(returning: WorkloadsChange())
      }
    }
  }

  /// Forecasts until the task is cancelled.
  func run() async {
    for name in entries.keys { collect(name) }
    if membership == nil { await forecastShare(restarting: []) }
    await withDiscardingTaskGroup { group in
      if let membership {
        group.addTask { await membership.run() }
        group.addTask { [sendEvent] in
          for await shard in membership.shards() { sendEvent.yield(.shard(shard)) }
        }
      }
      for await event in events {
        switch event {
        case .shard(let shard):
          // After a pause another process may have planned meanwhile: what the loops knew is out of date.
          let isNewTerm = shard.term != self.shard?.term
          self.shard = shard
          await forecastShare(restarting: isNewTerm ? Set(entries.keys) : [])
        case .entries(let new, let done): done.resume(returning: await take(new))
        }
      }
    }
    sendEvent.finish()
    for name in collecting.keys { stopCollecting(name) }
    await forecaster.stopAll()
  }

  private func take(_ new: [ServedWorkload]) async -> WorkloadsChange {
    let old = entries
    entries = Dictionary(uniqueKeysWithValues: new.map { ($0.workload.name, $0) })
    intervals.withLock { $0 = entries.mapValues(\.workload.interval) }
    let removed = old.keys.filter { entries[$0] == nil }
    let changed = entries.keys.filter { name in old[name].map { $0.revision !== entries[name]?.revision } ?? false }
    var change = WorkloadsChange()
    change.added = entries.keys.count { old[$0] == nil }
    change.changed = changed.count
    change.removed = removed.count
    change.kept = entries.count - change.added - change.changed

    for name in removed { stopCollecting(name) }
    for name in changed where old[name]?.sourcesRevision !== entries[name]?.sourcesRevision {
      stopCollecting(name)
    }
    for name in entries.keys where collecting[name] == nil { collect(name) }
    let owned = removed.filter(owns)
    await forecastShare(restarting: Set(changed))
    for name in owned {
      do {
        try await store.remove(name)
      } catch {
        logger.warn("the plan of a removed workload stays in the store", ["workload": name.text, "error": "\(error)"])
      }
    }
    return change
  }

  /// Makes the loops be those of this process's share.
  private func forecastShare(restarting: Set<WorkloadName>) async {
    let own = entries.values.map(\.workload).filter { owns($0.name) }.sorted { $0.name < $1.name }
    let names = Set(own.map(\.name))
    await forecaster.stop { names.contains($0) && !restarting.contains($0) }
    exportBounds(of: names)
    if shard?.isActive ?? (membership == nil) { readiness.share(of: own.map(\.name), among: Array(entries.keys)) }
    await forecaster.start(own, into: shard.flatMap { membership?.store(during: $0) })
  }

  private func exportBounds(of own: Set<WorkloadName>) {
    for name in bounded.subtracting(own) { bounds.remove(name.text) }
    for name in own {
      if let most = entries[name]?.maxReplicas { bounds.with(name.text).set(Double(most)) }
    }
    bounded = own
  }

  private func owns(_ workload: WorkloadName) -> Bool { shard?.owns(workload) ?? (membership == nil) }

  private func collect(_ name: WorkloadName) {
    collecting[name] = entries[name]?.services.map { service in
      // A source that collects by itself ends with its task alone; what fails meanwhile it logs.
      Task { try? await service() }
    }
  }

  private func stopCollecting(_ name: WorkloadName) {
    for task in collecting.removeValue(forKey: name) ?? [] { task.cancel() }
  }
}
