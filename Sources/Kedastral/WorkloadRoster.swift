import KedastralCore
import KedastralHTTP
import KedastralRedisStore
import Synchronization

/// A workload to forecast, with the services it needs.
package struct ServedWorkload: Sendable {
  /// Identifies the settings of a workload or its sources: equal settings have equal revisions.
  package final class Revision: Sendable {
    package init() {}
  }

  package let workload: Workload
  /// The services that its sources need.
  package let services: [ServiceRunner.Service]
  /// The maximum replicas of its policy, if known.
  package let maxReplicas: Int?
  /// The parts of its forecast that are exported as metrics; nil for none.
  package let series: ForecastSeries?
  /// What the page groups it by.
  package let labels: [String: String]
  package let revision: Revision
  package let sourcesRevision: Revision

  package init(
    _ workload: Workload, services: [ServiceRunner.Service] = [], maxReplicas: Int? = nil,
    series: ForecastSeries? = nil, labels: [String: String] = [:], revision: Revision = Revision(),
    sourcesRevision: Revision = Revision()
  ) {
    self.workload = workload
    self.services = services
    self.maxReplicas = maxReplicas
    self.series = series
    self.labels = labels
    self.revision = revision
    self.sourcesRevision = sourcesRevision
  }
}

/// The difference between the new workloads and the previous ones.
package struct WorkloadsChange: Sendable, Equatable {
  /// The number of new workloads.
  package var added = 0
  /// The number of workloads with changed settings.
  package var changed = 0
  /// The number of removed workloads.
  package var removed = 0
  /// The number of unchanged workloads.
  package var kept = 0

  package init() {}
}

/// The configured workloads, and those of them that this process forecasts: they change with the configuration and with
/// the process's shard.
///
/// ``run()`` applies changes one after the other. A workload with unchanged settings keeps its loop, with history,
/// model and plan; a workload with changed settings resumes from its stored plan and keeps its unchanged sources.
package actor WorkloadRoster {
  private enum Event: Sendable {
    case shard(Shard)
    case entries([ServedWorkload], done: CheckedContinuation<WorkloadsChange, Never>)
  }

  private struct Shown {
    let interval: Duration
    let series: ForecastSeries?

    init(_ served: ServedWorkload) {
      interval = served.workload.interval
      series = served.series
    }
  }

  private let forecaster: Forecaster
  private let store: any ForecastStore
  private let readiness: ForecastReadiness
  private let clock: any WallClock
  private let membership: ShardMembership?
  private let bounds: MetricFamily
  private let logger: KedastralLogger
  private let events: AsyncStream<Event>
  private let sendEvent: AsyncStream<Event>.Continuation

  private var entries: [WorkloadName: ServedWorkload] = [:]
  private var collecting: [WorkloadName: [Task<Void, Never>]] = [:]
  /// This process's share; nil until it is known, if workloads are shared.
  private var shard: Shard?
  /// How often each workload is forecast and what is exported of it, for callers on other threads.
  private let shown: Mutex<[WorkloadName: Shown]>
  private let shownLabels: Mutex<WorkloadLabels>
  /// The workloads whose limit is exported: those that this process owns.
  private var bounded: Set<WorkloadName> = []

  init(
    _ entries: [ServedWorkload], forecaster: Forecaster, store: any ForecastStore, readiness: ForecastReadiness,
    membership: ShardMembership?, clock: any WallClock, metrics: MetricsRegistry, logger: KedastralLogger
  ) {
    self.clock = clock
    self.forecaster = forecaster
    self.store = store
    self.readiness = readiness
    self.membership = membership
    self.logger = logger
    self.entries = Dictionary(uniqueKeysWithValues: entries.map { ($0.workload.name, $0) })
    shown = Mutex(self.entries.mapValues(Shown.init))
    shownLabels = Mutex(WorkloadLabels(self.entries.compactMapValues { $0.labels.isEmpty ? nil : $0.labels }))
    (events, sendEvent) = AsyncStream.makeStream(of: Event.self)
    bounds = metrics.gauge(
      "kedastral_max_replicas", help: "The maximum replicas of a workload's policy.", labels: ["workload"])
  }

  /// How often a workload is forecast.
  nonisolated func interval(of workload: WorkloadName) -> Duration {
    shown.withLock { $0[workload]?.interval } ?? .seconds(30)
  }

  /// The parts of a workload's forecast that are exported as metrics; nil for none.
  nonisolated func series(of workload: WorkloadName) -> ForecastSeries? {
    shown.withLock { $0[workload]?.series }
  }

  /// The labels of all workloads, also of those that other processes forecast.
  nonisolated var labels: WorkloadLabels { shownLabels.withLock { $0 } }

  /// Replaces the workloads; returns when the loops have been started and stopped.
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
          // During a pause another process may have planned: the loops' state is out of date.
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
    shown.withLock { $0 = entries.mapValues(Shown.init) }
    shownLabels.withLock { $0 = WorkloadLabels(entries.compactMapValues { $0.labels.isEmpty ? nil : $0.labels }) }
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
    readiness.health.reloaded(changed, at: clock.now)
    for name in owned {
      do {
        try await store.remove(name)
      } catch {
        logger.warn("the plan of a removed workload stays in the store", ["workload": name.text, "error": "\(error)"])
      }
    }
    return change
  }

  /// Starts and stops loops so that they match this process's share.
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
      // A source that collects in the background ends only with its task; it logs failures itself.
      Task { try? await service() }
    }
  }

  private func stopCollecting(_ name: WorkloadName) {
    for task in collecting.removeValue(forKey: name) ?? [] { task.cancel() }
  }
}
