import KedastralCore
import KedastralHTTP
import KedastralNet
import KedastralRedisStore
import KedastralSources

/// The forecasting half of a host: sources, loops, and the HTTP server that shows their plans.
package struct ForecasterParts {
  let store: OpenedStore
  package let client: HTTPClient
  package let server: ForecastHTTPServer
  /// How each workload's latest round ended.
  let health: WorkloadHealth
  private let factory: WorkloadFactory
  private let roster: WorkloadRoster

  /// Wires the parts; the server listens when this returns.
  ///
  /// - Parameter staleAfter: the age from which the scaler does not serve plans, where that is known.
  init(
    _ configuration: ForecasterConfiguration, store: OpenedStore, leadTime: Duration, staleAfter: Duration? = nil,
    on loop: EventLoop,
    clock: any WallClock, metrics: MetricsRegistry, logger: Logger,
    makeSource: WorkloadFactory.MakeSource? = nil
  ) async throws {
    self.store = store
    let client = try HTTPClient(on: loop)
    self.client = client
    factory = WorkloadFactory(
      sources: SourceFactory(client: client, clock: clock, logger: logger), makeSource: makeSource)
    let entries = try configuration.workloads.map { [factory] in try factory.make($0) }
    let readiness = ForecastReadiness(entries.map(\.settings.name))
    health = readiness.health
    BuildInformation.publish(in: metrics)
    var membership: ShardMembership?
    if case .redis(let settings) = configuration.storage, let lease = settings.shardLease, let redis = store.redis {
      membership = ShardMembership(store: redis, lease: lease, logger: logger)
    }
    let forecaster = Forecaster(
      store: store.store, clock: clock, metrics: metrics, logger: logger, observer: readiness)
    let roster = WorkloadRoster(
      entries, forecaster: forecaster, store: store.store, readiness: readiness, membership: membership,
      metrics: metrics,
      logger: logger)
    self.roster = roster
    server = try await ForecastHTTPServer(
      HTTPServerSettings(
        configuration.listen, tls: configuration.tls, tokenFile: configuration.httpTokenFile,
        limits: configuration.httpLimits, metrics: metrics, logger: logger), on: loop, clock: clock, leadTime: leadTime,
      interval: { roster.interval(of: $0) }, staleAfter: staleAfter, health: readiness.health, metrics: metrics,
      readiness: readiness.readiness, history: forecaster,
      texts: WrittenConfiguration(leadTime: leadTime, scaler: configuration.scalerAddress) { roster.settings(of: $0) },
      records: forecaster, logger: logger)
    logger.info("serving forecasts", ["address": "\(server.address)", "workloads": "\(entries.count)"])
  }

  /// What must run: the loops, and the server's view of the store.
  package var services: [ServiceRunner.Service] {
    [
      { [roster] in await roster.run() },
      { [server, store] in await server.follow(store.store.updates()) },
    ]
  }

  /// Forecasts other workloads from now on; those whose settings stay are not touched.
  ///
  /// - Throws: when a workload's parts cannot be made; nothing has changed then.
  func replace(workloads: [WorkloadConfiguration]) async throws -> ConfigurationChange {
    var entries: [WorkloadRoster.Entry] = []
    for settings in workloads {
      entries.append(try factory.make(settings, after: await roster.entry(of: settings.name)))
    }
    return await roster.replace(by: entries)
  }
}

/// Makes workloads of settings.
package struct WorkloadFactory: Sendable {
  /// Creates the source of a workload's metric, overriding its settings.
  package typealias MakeSource = @Sendable (WorkloadConfiguration, SourceFactory) throws -> SourceFactory.Made

  package let sources: SourceFactory
  let makeSource: MakeSource?

  package init(sources: SourceFactory, makeSource: MakeSource? = nil) {
    self.sources = sources
    self.makeSource = makeSource
  }

  /// Creates a workload, reusing the unchanged parts of an earlier one with the same name.
  package func make(
    _ settings: WorkloadConfiguration, after earlier: WorkloadRoster.Entry? = nil
  ) throws -> WorkloadRoster.Entry {
    if let earlier, earlier.settings == settings { return earlier }
    let made: [SourceFactory.Made]
    if let earlier, settings.hasSameSources(as: earlier.settings) {
      made = earlier.sources
    } else {
      made =
        [try makeSource?(settings, sources) ?? sources.make(settings.source, of: settings)]
        + (try settings.otherMetrics.map { try sources.make($0.source, of: settings) })
    }
    let workload = try Workload(settings, sources: made.map(\.source)) {
      try ModelCatalog.make($0, timeZone: settings.timeZone, client: sources.client, logger: sources.logger)
    }
    return WorkloadRoster.Entry(settings: settings, workload: workload, sources: made)
  }
}

extension Forecaster: LoadHistory, PlanRecords {
  public func history(of workload: WorkloadName) async -> TimeSeries? { await loop(of: workload)?.history }

  public func record(of plan: Snapshot) async -> PlanRecord? { await loop(of: plan.workload)?.record(of: plan) }
}
