import KedastralConfiguration
import KedastralCore
import KedastralHTTP
import KedastralNet
import KedastralRedisStore
import KedastralSources

/// The forecasting half of a host: sources, loops, and the HTTP server that shows their plans.
struct ForecasterParts {
  let store: OpenedStore
  let client: HTTPClient
  let server: ForecastHTTPServer
  private let forecaster: Forecaster
  private let workloads: [Workload]
  private let readiness: ForecastReadiness
  private let membership: ShardMembership?
  private let sourceServices: [ServiceRunner.Service]

  /// Wires the parts; the server listens when this returns.
  init(
    _ configuration: ForecasterConfiguration, store: OpenedStore, leadTime: Duration, on loop: EventLoop,
    clock: any WallClock, metrics: MetricsRegistry, logger: Logger,
    makeSource: ((WorkloadConfiguration, SourceFactory) throws -> SourceFactory.Made)? = nil
  ) async throws {
    self.store = store
    let client = try HTTPClient(on: loop)
    self.client = client
    let factory = SourceFactory(client: client, clock: clock, logger: logger)
    let made = try configuration.workloads.map { try makeSource?($0, factory) ?? factory.make($0) }
    sourceServices = made.compactMap(\.service)
    workloads = try zip(configuration.workloads, made).map { settings, made in
      try Workload(
        settings, source: made.source,
        model: try ModelCatalog.make(
          settings.model, timeZone: settings.timeZone, client: client, logger: logger))
    }
    let bounds = metrics.gauge(
      "kedastral_max_replicas", help: "The most replicas that a workload's policy plans.", labels: ["workload"])
    for settings in configuration.workloads { bounds.with(settings.name.text).set(Double(settings.policy.maxReplicas)) }
    readiness = ForecastReadiness(workloadCount: workloads.count)
    if case .redis(let settings) = configuration.storage, let lease = settings.shardLease, let redis = store.redis {
      membership = ShardMembership(store: redis, lease: lease, logger: logger)
    } else {
      membership = nil
    }
    forecaster = Forecaster(store: store.store, clock: clock, metrics: metrics, logger: logger, observer: readiness)
    let intervals = Dictionary(uniqueKeysWithValues: workloads.map { ($0.name, $0.interval) })
    server = try await ForecastHTTPServer(
      HTTPServerSettings(
        configuration.listen, tls: configuration.tls, tokenFile: configuration.httpTokenFile,
        limits: configuration.httpLimits, metrics: metrics, logger: logger), on: loop, clock: clock, leadTime: leadTime,
      interval: { intervals[$0] ?? .seconds(30) }, metrics: metrics,
      readiness: readiness.readiness, history: forecaster,
      texts: WrittenConfiguration(configuration.workloads, leadTime: leadTime), logger: logger)
    logger.info(
      "serving forecasts", ["address": "\(server.address)", "workloads": "\(workloads.count)"])
  }

  /// What must run: the loops, the server's view of the store, and sources that collect by themselves.
  var services: [ServiceRunner.Service] {
    sourceServices + [
      forecasting,
      { [server, store] in await server.follow(store.store.updates()) },
    ]
  }

  /// Forecasts all workloads, or this process's share of them as it changes.
  private var forecasting: ServiceRunner.Service {
    guard let membership else { return { [forecaster, workloads] in await forecaster.run(workloads) } }
    return { [forecaster, workloads, readiness] in
      await withDiscardingTaskGroup { group in
        group.addTask { await membership.run() }
        var term: Int?
        for await shard in membership.shards() {
          let own = workloads.filter { shard.owns($0.name) }
          let isNewTerm = shard.term != term
          term = shard.term
          // After a pause another process may have planned meanwhile: what the loops knew is out of date.
          await forecaster.stop { !isNewTerm && shard.owns($0) }
          if shard.isActive { readiness.share(of: own.map(\.name)) }
          await forecaster.start(own, into: membership.store(during: shard))
        }
        await forecaster.stopAll()
      }
    }
  }
}

extension Forecaster: LoadHistory {
  public func history(of workload: WorkloadName) async -> TimeSeries? { await loop(of: workload)?.history }
}
