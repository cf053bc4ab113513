import KedastralCore
import KedastralHTTP
import KedastralRedisStore
import KedastralSources
import Synchronization

/// The workloads that a process is to forecast, and those of them that it does: they change with the configuration, and with
/// the shard that it has among others.
///
/// Changes are made one after the other by ``run()``. A workload whose settings stay keeps its loop, with history, model and
/// plan; a workload with changed settings resumes from its stored plan and keeps its unchanged sources.
package actor WorkloadRoster {
  /// A workload, its settings, and its running sources.
  package struct Entry: Sendable {
    let settings: WorkloadConfiguration
    package let workload: Workload
    package let sources: [SourceFactory.Made]
  }

  private enum Event: Sendable {
    case shard(Shard)
    case entries([Entry], done: CheckedContinuation<ConfigurationChange, Never>)
  }

  private let forecaster: Forecaster
  private let store: any ForecastStore
  private let readiness: ForecastReadiness
  private let membership: ShardMembership?
  private let bounds: MetricFamily
  private let logger: Logger
  private let events: AsyncStream<Event>
  private let sendEvent: AsyncStream<Event>.Continuation

  private var entries: [WorkloadName: Entry] = [:]
  private var collecting: [WorkloadName: [Task<Void, Never>]] = [:]
  /// The share that this process has; nil until it is known, where there are others.
  private var shard: Shard?
  /// The settings of the workloads, readable from other threads.
  private let current: Mutex<[WorkloadName: WorkloadConfiguration]>
  /// The workloads whose limit is exported: those of this process's share.
  private var bounded: Set<WorkloadName> = []

  init(
    _ entries: [Entry], forecaster: Forecaster, store: any ForecastStore, readiness: ForecastReadiness,
    membership: ShardMembership?, metrics: MetricsRegistry, logger: Logger
  ) {
    self.forecaster = forecaster
    self.store = store
    self.readiness = readiness
    self.membership = membership
    self.logger = logger
    self.entries = Dictionary(uniqueKeysWithValues: entries.map { ($0.settings.name, $0) })
    current = Mutex(self.entries.mapValues(\.settings))
    (events, sendEvent) = AsyncStream.makeStream(of: Event.self)
    bounds = metrics.gauge(
      "kedastral_max_replicas", help: "The maximum replicas of a workload's policy.", labels: ["workload"])
  }

  /// The settings of a workload now.
  nonisolated func settings(of workload: WorkloadName) -> WorkloadConfiguration? { current.withLock { $0[workload] } }

  /// How often a workload is forecast.
  nonisolated func interval(of workload: WorkloadName) -> Duration { settings(of: workload)?.interval ?? .seconds(30) }

  /// What is known of a workload now.
  func entry(of workload: WorkloadName) -> Entry? { entries[workload] }

  /// Takes over other workloads; returns when the loops are as they are to be.
  func replace(by entries: [Entry]) async -> ConfigurationChange {
    await withCheckedContinuation { continuation in
      if case .terminated = sendEvent.yield(.entries(entries, done: continuation)) {
        continuation.resume(returning: ConfigurationChange())
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

  private func take(_ new: [Entry]) async -> ConfigurationChange {
    let old = entries
    entries = Dictionary(uniqueKeysWithValues: new.map { ($0.settings.name, $0) })
    current.withLock { $0 = entries.mapValues(\.settings) }
    let removed = old.keys.filter { entries[$0] == nil }
    let changed = entries.keys.filter { name in old[name].map { $0.settings != entries[name]?.settings } ?? false }
    var change = ConfigurationChange(
      added: entries.keys.count { old[$0] == nil }, changed: changed.count, removed: removed.count)
    change.kept = entries.count - change.added - change.changed

    for name in removed { stopCollecting(name) }
    for name in changed where old[name]?.settings.hasSameSources(as: entries[name]?.settings) == false {
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
    for name in own { bounds.with(name.text).set(Double(entries[name]?.settings.policy.maxReplicas ?? 0)) }
    bounded = own
  }

  private func owns(_ workload: WorkloadName) -> Bool { shard?.owns(workload) ?? (membership == nil) }

  private func collect(_ name: WorkloadName) {
    collecting[name] = entries[name]?.sources.compactMap(\.service).map { service in
      // A source with its own collection ends only with its task; it logs failures.
      Task { try? await service() }
    }
  }

  private func stopCollecting(_ name: WorkloadName) {
    for task in collecting.removeValue(forKey: name) ?? [] { task.cancel() }
  }
}

extension WorkloadConfiguration {
  /// Whether sources made of the other settings serve these as well.
  func hasSameSources(as other: WorkloadConfiguration?) -> Bool {
    guard let other else { return false }
    return source == other.source && otherMetrics.map(\.source) == other.otherMetrics.map(\.source)
      && step == other.step && window == other.window
  }
}
