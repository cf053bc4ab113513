import KedastralCore
import KedastralGRPC
import KedastralHTTP
import KedastralNet
import KedastralRedisStore

/// Forecasts workloads, stores their plans, serves them to KEDA, and shows them on a page: all in one process.
///
///     let shop = try Workload(
///       "shop", metric: "customers", source: Tills(), model: .auto, policy: .standard(targetPerPod: 20))
///     try await KedastralService(workloads: [shop], store: .redis(url: "redis://localhost:6379")).run()
///
/// The type has the shape of a service of swift-service-lifecycle: one asynchronous, throwing method ``run()``. A program
/// that uses that package writes `extension KedastralService: @retroactive Service {}` and sets ``stopsOnSignals`` to false.
public struct KedastralService: Sendable {
  /// The version of this package.
  public static let version = "0.1.0"

  /// Where plans are kept.
  public struct Store: Sendable {
    enum Kind: Sendable {
      case memory
      case redis(@Sendable () throws -> RedisConfiguration)
      case own(any ForecastStore)
    }

    let kind: Kind

    init(kind: Kind) { self.kind = kind }

    package init(redis configuration: @escaping @Sendable () throws -> RedisConfiguration) {
      kind = .redis(configuration)
    }

    /// In this process; a restart begins without plans.
    public static let memory = Store(kind: .memory)

    /// Which servers of Redis hold the plans.
    public enum Deployment: Sendable, Hashable {
      /// One server.
      case single
      /// The master of this name, which sentinels (`host:port`) report; the URL then has user, password and database.
      case sentinel(master: String, sentinels: [String])
      /// A cluster, found through the server of the URL.
      case cluster
    }

    /// In Redis.
    ///
    /// - Parameters:
    ///   - url: such as `redis://user:password@host:6379/0`, `rediss://host` (TLS) or `unix:///run/redis.sock`.
    ///   - passwordFile: a file with the password, read again for each connection; nil to use the URL's.
    ///   - authorityFile: a PEM file with the authorities that TLS trusts; nil for the system's.
    ///   - deployment: which servers hold the plans.
    ///   - keyPrefix: what keys begin with; the workload's name follows.
    ///   - timeToLive: how long a plan stays that is not renewed.
    public static func redis(
      url: String, passwordFile: String? = nil, authorityFile: String? = nil, deployment: Deployment = .single,
      keyPrefix: String = "forecast:", timeToLive: Duration = .seconds(1800)
    ) -> Store {
      Store(redis: {
        var configuration = try RedisConfiguration(RedisURL(url), password: passwordFile.map { .file($0) })
        if let authorityFile { configuration.tls = .init(files: .init(authorities: authorityFile)) }
        switch deployment {
        case .single: break
        case .sentinel(let master, let sentinels):
          configuration.findMaster(master, with: try sentinels.map(ListenAddress.init))
        case .cluster: configuration.joinCluster()
        }
        configuration.keyPrefix = keyPrefix
        configuration.timeToLive = timeToLive
        return configuration
      })
    }

    /// In a store of your own.
    public static func own(_ store: any ForecastStore) -> Store { Store(kind: .own(store)) }
  }

  /// The external scaler that KEDA connects to.
  public struct Scaler: Sendable {
    /// The host name or address to listen on; empty for all addresses.
    public var host: String
    /// The port; 0 for a free one.
    public var port: UInt16
    /// How far ahead replicas are requested, for triggers that do not say: the time a pod takes to start, and a margin.
    public var leadTime: Duration
    /// The age from which a plan is stale: it is not served any more, so that KEDA's fallback takes over.
    public var staleAfter: Duration

    /// Creates settings.
    ///
    /// - Parameters:
    ///   - host: the host name or address to listen on; empty for all addresses.
    ///   - port: the port; 0 for a free one.
    ///   - leadTime: how far ahead replicas are requested.
    ///   - staleAfter: the age from which a plan is not served.
    public init(
      host: String = "", port: UInt16 = 50051, leadTime: Duration = .seconds(300), staleAfter: Duration = .seconds(120)
    ) {
      self.host = host
      self.port = port
      self.leadTime = leadTime
      self.staleAfter = staleAfter
    }
  }

  /// The HTTP server with page, API, probes and metrics.
  public struct HTTP: Sendable {
    /// The host name or address to listen on; empty for all addresses.
    public var host: String
    /// The port; 0 for a free one.
    public var port: UInt16
    /// A file with the token that clients must show; nil for none.
    public var tokenFile: String?

    /// Creates settings.
    ///
    /// - Parameters:
    ///   - host: the host name or address to listen on; empty for all addresses.
    ///   - port: the port; 0 for a free one.
    ///   - tokenFile: a file with the token that clients must show.
    public init(host: String = "", port: UInt16 = 8081, tokenFile: String? = nil) {
      self.host = host
      self.port = port
      self.tokenFile = tokenFile
    }
  }

  /// The addresses in use, with the ports that the system chose where 0 was given.
  public struct Addresses: Sendable, Equatable {
    /// The gRPC server's port.
    public let scalerPort: UInt16?
    /// The HTTP server's port.
    public let httpPort: UInt16?
  }

  /// The workloads.
  public var workloads: [Workload]
  /// Where plans are kept.
  public var store: Store
  /// The server that KEDA connects to; nil for none.
  public var scaler: Scaler?
  /// The HTTP server; nil for none.
  public var http: HTTP?
  /// Whether SIGTERM and SIGINT end ``run()``.
  public var stopsOnSignals: Bool
  /// Receives log lines.
  public var logHandler: any KedastralLogHandler
  /// The source of time.
  public var clock: any WallClock
  /// Called once both servers listen.
  public var onStart: @Sendable (Addresses) -> Void

  /// Describes a service; nothing starts before ``run()``.
  ///
  /// - Parameters:
  ///   - workloads: the workloads; their names differ.
  ///   - store: where plans are kept.
  ///   - scaler: the server that KEDA connects to; nil for none.
  ///   - http: the HTTP server; nil for none.
  ///   - stopsOnSignals: whether SIGTERM and SIGINT end ``run()``; false where the program handles signals itself.
  ///   - logHandler: receives log lines; by default they go to standard error.
  ///   - clock: the source of time.
  ///   - onStart: called once both servers listen.
  public init(
    workloads: [Workload], store: Store = .memory, scaler: Scaler? = Scaler(), http: HTTP? = HTTP(),
    stopsOnSignals: Bool = true, logHandler: any KedastralLogHandler = StreamLogHandler(),
    clock: any WallClock = SystemWallClock(), onStart: @escaping @Sendable (Addresses) -> Void = { _ in }
  ) {
    self.workloads = workloads
    self.store = store
    self.scaler = scaler
    self.http = http
    self.stopsOnSignals = stopsOnSignals
    self.logHandler = logHandler
    self.clock = clock
    self.onStart = onStart
  }

  /// Why a service cannot start.
  public struct StartError: Error, CustomStringConvertible {
    /// The problem.
    public let description: String
  }

  /// Runs until the task is cancelled, a signal to end comes (where ``stopsOnSignals`` is set) or a part fails; then finishes
  /// the calls in flight and closes all connections.
  ///
  /// - Throws: ``StartError`` without workloads and for two workloads of one name; an error that names the address when a port is
  ///   in use, or the store when its URL is invalid; the error of a part that failed.
  public func run() async throws {
    guard !workloads.isEmpty else { throw StartError(description: "the service has no workloads to forecast") }
    var names: Set<WorkloadName> = []
    if let twice = workloads.map(\.name).first(where: { !names.insert($0).inserted }) {
      throw StartError(description: "two workloads are called '\(twice)'; names must differ")
    }
    let logger = KedastralLogger(logHandler)
    let opened = try await OpenedStore(store, clock: clock, logger: logger)
    let loop: EventLoop
    do { loop = try EventLoop() } catch {
      await opened.close()
      throw error
    }
    let outcome: Result<Void, any Error>
    do { outcome = .success(try await serve(opened, on: loop, logger: logger)) } catch { outcome = .failure(error) }
    await opened.close()
    await loop.stop()
    try outcome.get()
  }

  /// Makes a service, runs it, and reports what prevents either as one log line: for the last line of `main.swift`, where an
  /// error that is thrown would end the program with a crash report.
  ///
  ///     exit(await KedastralService.main { KedastralService(workloads: [try Workload("shop", …)]) })
  ///
  /// - Parameter service: makes the service.
  /// - Returns: the exit code: 0 for success, 1 when the service could not start or a part failed.
  public static func main(_ service: () async throws -> KedastralService) async -> Int32 {
    var log: any KedastralLogHandler = StreamLogHandler()
    do {
      let service = try await service()
      log = service.logHandler
      try await service.run()
      return 0
    } catch {
      KedastralLogger(log).error("the service ended", ["problem": "\(error)"])
      return 1
    }
  }

  private func serve(_ opened: OpenedStore, on loop: EventLoop, logger: KedastralLogger) async throws {
    let metrics = MetricsRegistry()
    let runner = try await ServiceRunner(on: loop, logger: logger, watchesSignals: stopsOnSignals, endsProcess: false)
    let parts: ServiceParts
    do {
      parts = try await ServiceParts(
        workloads.map { ServedWorkload($0, maxReplicas: ($0.policy as? StandardCapacityPolicy)?.maxReplicas) },
        store: opened,
        forecaster: ForecasterParts.Settings(
          http: try http.map { http in
            HTTPServerSettings(
              address: ListenAddress(host: http.host, port: http.port),
              token: try http.tokenFile.map { try BearerToken(file: $0) })
          },
          leadTime: scaler?.leadTime ?? .seconds(300), staleAfter: scaler?.staleAfter),
        scaler: scaler.map { scaler in
          ScalerParts.Settings(
            address: ListenAddress(host: scaler.host, port: scaler.port),
            defaults: ScalerDefaults(leadTime: scaler.leadTime, staleAfter: scaler.staleAfter))
        },
        on: loop, clock: clock, metrics: metrics, logger: logger)
    } catch {
      try await runner.close()
      throw error
    }
    onStart(
      Addresses(scalerPort: await parts.scaler?.server.address.port, httpPort: parts.forecaster.server?.address.port))
    try await runner.run(parts.services) { await parts.shutdown() }
  }
}

/// Both halves on one store.
package struct ServiceParts {
  package let forecaster: ForecasterParts
  package let scaler: ScalerParts?
  package let services: [ServiceRunner.Service]

  /// Wires the parts; both servers listen when this returns.
  package init(
    _ workloads: [ServedWorkload], store: OpenedStore, forecaster settings: ForecasterParts.Settings,
    scaler scalerSettings: ScalerParts.Settings?, on loop: EventLoop, clock: any WallClock, metrics: MetricsRegistry,
    logger: KedastralLogger
  ) async throws {
    forecaster = try await ForecasterParts(
      workloads, store: store, settings, on: loop, clock: clock, metrics: metrics, logger: logger)
    guard let scalerSettings else {
      (scaler, services) = (nil, forecaster.services)
      return
    }
    let leadTime = scalerSettings.defaults.leadTime
    for workload in workloads.map(\.workload) where workload.horizon < leadTime {
      logger.warn(
        "the forecast ends before the lead time, so a rise after its end is seen too late",
        [
          "workload": "\(workload.name)", "horizon": DurationText.format(workload.horizon),
          "leadTime": DurationText.format(leadTime),
        ])
    }
    do {
      let scaler = try await ScalerParts(scalerSettings, clock: clock, metrics: metrics, logger: logger) {
        [health = forecaster.health] in health.problem(of: $0)
      }
      self.scaler = scaler
      services = forecaster.services + [scaler.service(following: store.store.updates())]
      await scaler.server.setReady(true)
    } catch {
      await forecaster.server?.shutdown(within: .zero)
      throw error
    }
  }

  /// Stops accepting and finishes what is in flight.
  package func shutdown() async {
    await scaler?.server.shutdown(within: .seconds(2))
    await forecaster.server?.shutdown(within: .seconds(2))
  }
}
