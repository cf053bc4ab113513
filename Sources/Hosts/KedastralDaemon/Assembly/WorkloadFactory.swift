import Kedastral
import KedastralCore
import KedastralSources
import Synchronization

/// Makes workloads of settings.
package struct WorkloadFactory: Sendable {
  package let sources: SourceFactory
  private let registered: RegisteredParts

  package init(sources: SourceFactory, registered: RegisteredParts = RegisteredParts()) {
    self.sources = sources
    self.registered = registered
  }

  /// A workload as it was made, and the settings it was made of.
  package struct Made: Sendable {
    let settings: WorkloadConfiguration
    package let sources: [SourceFactory.Made]
    package let served: ServedWorkload
  }

  /// Makes a workload; what is still good of an earlier one with the same name is used again.
  package func make(_ settings: WorkloadConfiguration, after earlier: Made? = nil) throws -> Made {
    if let earlier, earlier.settings == settings { return earlier }
    let kept = earlier.flatMap { settings.hasSameSources(as: $0.settings) ? $0 : nil }
    let own = registered.sources[settings.name.text].map { SourceFactory.Made(source: $0, service: nil) }
    let made =
      try kept?.sources ?? [
        try own ?? sources.withoutStartingPods(sources.make(settings.source, of: settings), of: settings)
      ]
      + (try settings.otherMetrics.map { try sources.make($0.source, of: settings) })
    var workload = try Workload(
      settings, sources: made.map(\.source), leadTime: sources.leadTime(of: settings),
      realPods: sources.realPods(of: settings), pods: sources.pods(of: settings)
    ) { model, covariates in
      try registered.models[model.name]
        ?? ModelCatalog.make(
          model, timeZone: settings.timeZone, calendar: settings.calendar,
          covariates: try covariates.map { try sources.make($0, of: settings) }, of: settings.name.text,
          clock: sources.clock, client: sources.client, logger: sources.logger)
    }
    if let policy = registered.policies[settings.name.text] { workload.policy = policy }
    workload.quantileLevels += settings.series?.quantiles.filter { !workload.quantileLevels.contains($0) } ?? []
    return Made(
      settings: settings, sources: made,
      served: ServedWorkload(
        workload, services: made.compactMap(\.service), maxReplicas: settings.policy.maxReplicas,
        series: settings.series, labels: settings.labels,
        sourcesRevision: kept?.served.sourcesRevision ?? ServedWorkload.Revision()))
  }
}

/// The workloads of a configuration, which a reload replaces.
final class ConfiguredWorkloads: Sendable {
  private let factory: WorkloadFactory
  private let made: Mutex<[WorkloadName: WorkloadFactory.Made]>

  init(_ workloads: [WorkloadConfiguration], factory: WorkloadFactory) throws {
    self.factory = factory
    made = Mutex(try Self.make(workloads, after: [:], by: factory))
  }

  /// The workloads now, in the order of their names.
  var served: [ServedWorkload] {
    made.withLock { $0.values.map(\.served) }.sorted { $0.workload.name < $1.workload.name }
  }

  /// The settings of a workload now.
  func settings(of workload: WorkloadName) -> WorkloadConfiguration? { made.withLock { $0[workload]?.settings } }

  /// Why a workload cannot be made of its settings; nil when it can.
  func problem(of settings: WorkloadConfiguration) -> String? {
    do {
      _ = try factory.make(settings, after: made.withLock { $0[settings.name] })
      return nil
    } catch { return "\(error)" }
  }

  /// Takes other settings; what stays the same keeps its revision.
  ///
  /// - Throws: when a workload's parts cannot be made; nothing has changed then.
  func replace(by workloads: [WorkloadConfiguration]) throws {
    let new = try Self.make(workloads, after: made.withLock { $0 }, by: factory)
    made.withLock { $0 = new }
  }

  private static func make(
    _ workloads: [WorkloadConfiguration], after earlier: [WorkloadName: WorkloadFactory.Made],
    by factory: WorkloadFactory
  ) throws -> [WorkloadName: WorkloadFactory.Made] {
    Dictionary(
      uniqueKeysWithValues: try workloads.map { ($0.name, try factory.make($0, after: earlier[$0.name])) })
  }
}

extension WorkloadConfiguration {
  /// Whether sources made of the other settings serve these as well.
  fileprivate func hasSameSources(as other: WorkloadConfiguration) -> Bool {
    source == other.source && startingPods == other.startingPods && (startingPods == nil || target == other.target)
      && otherMetrics.map(\.source) == other.otherMetrics.map(\.source)
      && step == other.step && window == other.window
      // A shared response serves a workload for its interval.
      && (interval == other.interval || !hasSharedSource)
  }
  private var hasSharedSource: Bool {
    ([source] + otherMetrics.map(\.source)).contains {
      if case .prometheus(let settings) = $0 { settings.series != nil } else { false }
    }
  }
}
