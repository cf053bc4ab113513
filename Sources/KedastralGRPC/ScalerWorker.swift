import KedastralCore
import KedastralNet

/// One loop's share of a scaler server: its own connections, and its own copy of the table.
final class ScalerWorker {
  /// What every worker of a server has in common.
  struct Settings: Sendable {
    var tls: TLSIdentity?
    var defaults: ScalerDefaults
    var limits: GRPCLimits
    var clock: any WallClock
    var metrics: MetricsRegistry
    var logger: KedastralLogger
    var record: ScalerRecord
    var series: ScalerSeries
    var problem: @Sendable (String) -> String?
  }

  private static let reflectionVersions = ["v1", "v1alpha"]

  let server: GRPCServer
  private let scaler: ExternalScalerService
  private let health: HealthService
  private let loop: EventLoop
  private var refresher: LoopTimer?
  private var drainDeadline: LoopTimer?

  init(on loop: EventLoop, at address: ListenAddress, sharesPort: Bool, _ settings: Settings) throws {
    self.loop = loop
    scaler = ExternalScalerService(
      defaults: settings.defaults, clock: settings.clock, metrics: settings.metrics, series: settings.series,
      logger: settings.logger, record: settings.record, problem: settings.problem)
    health = HealthService(services: [ExternalScalerService.serviceName])
    let names = [ExternalScalerService.serviceName, health.name] + Self.reflectionVersions.map(ReflectionService.name)
    let reflection = Self.reflectionVersions.map {
      ReflectionService(version: $0, services: names, files: ReflectionCodec.files)
    }
    server = try GRPCServer(
      on: loop, at: address, tls: settings.tls, sharesPort: sharesPort, services: [scaler, health] + reflection,
      limits: settings.limits, metrics: settings.metrics, logger: settings.logger)
    refresher = LoopTimer(on: loop, every: .milliseconds(500)) { [unowned self] in
      scaler.refreshStreams()
      health.refreshWatches()
    }
  }

  func apply(_ update: StoreUpdate) { scaler.apply(update) }

  func setReady(_ isReady: Bool) { health.setReady(isReady) }

  /// Lets calls end for as long as `deadline` allows, closes everything, and calls `then` once.
  func shutDown(within deadline: Duration, then: @escaping () -> Void) {
    var isOver = false
    let finish = { [unowned self] in
      guard !isOver else { return }
      isOver = true
      server.onEmpty = nil
      drainDeadline = nil
      refresher = nil
      server.close()
      then()
    }
    drainDeadline = LoopTimer(on: loop, every: deadline, repeating: false, finish)
    server.onEmpty = finish
    health.setReady(false)
    server.drain()
  }
}
