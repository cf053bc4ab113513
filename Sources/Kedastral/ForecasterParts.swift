import KedastralCore
import KedastralHTTP
import KedastralNet
import KedastralRedisStore

/// The forecaster: the loops, and the HTTP server that shows their plans.
package struct ForecasterParts {
  /// How the forecaster shows plans.
  package struct Settings {
    var http: HTTPServerSettings?
    var leadTime: Duration
    var staleAfter: Duration?
    var shardLease: Duration?
    var texts: (any ConfigurationTexts)?
    var scorecard: ScorecardSettings
    var receivers: [HTTPReceiver]
    var observer: (any ForecastObserver)?

    /// - Parameters:
    ///   - http: how the HTTP server listens; nil for none.
    ///   - leadTime: the lead time that the page shows.
    ///   - staleAfter: the age from which the scaler does not serve plans, where that is known.
    ///   - shardLease: how long a forecaster keeps its share of the workloads without renewing its lease; nil to
    ///     forecast all workloads.
    ///   - texts: generates a workload's settings as text, for the page.
    ///   - scorecard: what plans are compared with, at the lead time and the age above.
    ///   - receivers: routes that receive data for sources.
    ///   - observer: receives the result of each forecast round.
    package init(
      http: HTTPServerSettings?, leadTime: Duration, staleAfter: Duration? = nil, shardLease: Duration? = nil,
      texts: (any ConfigurationTexts)? = nil, scorecard: ScorecardSettings = ScorecardSettings(),
      receivers: [HTTPReceiver] = [], observer: (any ForecastObserver)? = nil
    ) {
      self.http = http
      self.leadTime = leadTime
      self.staleAfter = staleAfter
      self.shardLease = shardLease
      self.texts = texts
      self.scorecard = scorecard
      (self.scorecard.leadTime, self.scorecard.staleAfter) = (leadTime, staleAfter)
      self.receivers = receivers
      self.observer = observer
    }
  }

  private let store: OpenedStore
  package let server: ForecastHTTPServer?
  /// The result of each workload's latest round.
  package let health: WorkloadHealth
  private let roster: WorkloadRoster
  private let readiness: ForecastReadiness

  /// Connects the parts; the server listens when this returns.
  package init(
    _ workloads: [ServedWorkload], store: OpenedStore, _ settings: Settings, on loop: EventLoop, clock: any WallClock,
    metrics: MetricsRegistry, logger: KedastralLogger
  ) async throws {
    self.store = store
    let readiness = ForecastReadiness(workloads.map(\.workload.name), leadTime: settings.leadTime)
    self.readiness = readiness
    health = readiness.health
    BuildInformation.publish(in: metrics)
    var membership: ShardMembership?
    if let lease = settings.shardLease, let redis = store.redis {
      membership = ShardMembership(store: redis, lease: lease, logger: logger)
    }
    let forecaster = Forecaster(
      store: store.store, clock: clock, metrics: metrics, logger: logger,
      observer: ForecastObservers([readiness, settings.observer]),
      scorecards: Scorecards(settings.scorecard))
    let roster = WorkloadRoster(
      workloads, forecaster: forecaster, store: store.store, readiness: readiness, membership: membership,
      clock: clock,
      metrics: metrics, logger: logger)
    self.roster = roster
    guard let http = settings.http else {
      server = nil
      return
    }
    let server = try await ForecastHTTPServer(
      http, on: loop, clock: clock, leadTime: settings.leadTime, interval: { roster.interval(of: $0) },
      staleAfter: settings.staleAfter, series: { roster.series(of: $0) }, labels: { roster.labels },
      health: readiness.health, metrics: metrics, readiness: readiness.readiness, history: forecaster,
      texts: settings.texts, records: forecaster, scorecards: forecaster.scorecards, receivers: settings.receivers,
      logger: logger)
    self.server = server
    logger.info("serving forecasts", ["address": "\(server.address)", "workloads": "\(workloads.count)"])
  }

  /// The services to run: the loops, and the server's view of the store.
  package var services: [ServiceRunner.Service] {
    var services: [ServiceRunner.Service] = [{ [roster] in await roster.run() }]
    if let server { services.append { [store] in await server.follow(store.store.updates()) } }
    return services
  }

  /// Sets why this process is not ready, in addition to what follows from the forecasts; nil when it is.
  package func report(_ check: String, problem: String?) { readiness.readiness.report(check, problem: problem) }

  /// Replaces the workloads; those of the same revision are not touched.
  package func replace(workloads: [ServedWorkload]) async -> WorkloadsChange { await roster.replace(by: workloads) }
}

/// Several observers of forecast rounds.
package struct ForecastObservers: ForecastObserver {
  private let observers: [any ForecastObserver]

  /// Combines those that there are; they are called in this order.
  package init(_ observers: [(any ForecastObserver)?]) { self.observers = observers.compactMap(\.self) }

  package func roundEnded(_ round: ForecastRound) {
    for observer in observers { observer.roundEnded(round) }
  }
}

extension Forecaster: LoadHistory, PlanRecords {
  package func history(of workload: WorkloadName) async -> TimeSeries? { await loop(of: workload)?.history }

  package func realPods(of workload: WorkloadName) async -> (pods: RealPods, problem: String?)? {
    await loop(of: workload)?.realPods
  }

  package func record(of plan: Snapshot) async -> PlanRecord? { await loop(of: plan.workload)?.record(of: plan) }
}
