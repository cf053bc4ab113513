import FoundationEssentials
import KedastralConfiguration
import KedastralCore

/// What SIGHUP does: reads the configuration again and applies what can change while the process runs.
///
/// A configuration that makes no sense changes nothing; one line of the log says where it is wrong.
struct ConfigurationReload<Configuration: Sendable>: Sendable {
  private let read: Program.ReadAgain<Configuration>
  private let apply: @Sendable (Configuration) async throws -> ConfigurationChange
  private let clock: any WallClock
  private let logger: Logger
  private let reloads: MetricFamily
  private let lastSuccess: Metric

  /// Prepares for reloads.
  ///
  /// - Parameters:
  ///   - read: reads the settings again.
  ///   - apply: applies them and tells what changed; when it throws, nothing has changed.
  init(
    clock: any WallClock, metrics: MetricsRegistry, logger: Logger, read: @escaping Program.ReadAgain<Configuration>,
    apply: @escaping @Sendable (Configuration) async throws -> ConfigurationChange
  ) {
    self.read = read
    self.apply = apply
    self.clock = clock
    self.logger = logger
    reloads = metrics.counter(
      "kedastral_config_reloads_total", help: "Times the configuration was read again, by how that ended.",
      labels: ["result"])
    lastSuccess = metrics.gauge(
      "kedastral_config_last_success_timestamp_seconds", help: "When a configuration was last taken over."
    ).with()
    for result in ["success", "failure"] { reloads.with(result).increment(by: 0) }
    lastSuccess.set(clock.now.timeIntervalSince1970)
  }

  /// Reloads once.
  func run() async {
    do {
      let change = try await apply(try read())
      reloads.with("success").increment()
      lastSuccess.set(clock.now.timeIntervalSince1970)
      logger.info(
        "configuration reloaded",
        [
          "added": "\(change.added)", "changed": "\(change.changed)", "removed": "\(change.removed)",
          "kept": "\(change.kept)",
        ])
      if !change.needingRestart.isEmpty {
        logger.warn(
          "these settings have changed and need a restart", ["settings": change.needingRestart.joined(separator: ", ")])
      }
    } catch {
      reloads.with("failure").increment()
      logger.error("configuration not reloaded, nothing has changed", ["error": Self.line(error)])
    }
  }

  private static func line(_ error: any Error) -> String {
    guard let problems = (error as? ConfigurationError)?.problems, let first = problems.first else { return "\(error)" }
    return problems.count == 1 ? "\(first)" : "\(first) (and \(problems.count - 1) more)"
  }
}

/// What a reload changed.
struct ConfigurationChange: Sendable, Equatable {
  /// How many workloads are new.
  var added = 0
  /// How many have other settings.
  var changed = 0
  /// How many are gone.
  var removed = 0
  /// How many go on as they were.
  var kept = 0
  /// Settings that are not as the process runs with, and cannot change while it does.
  var needingRestart: [String] = []
}

extension ForecasterConfiguration {
  /// The settings in which these differ from what runs, apart from workloads and log level.
  func needingRestart(after running: ForecasterConfiguration) -> [String] {
    [
      listen != running.listen ? "listen" : nil, log.format != running.log.format ? "log.format" : nil,
      storage != running.storage ? "storage" : nil, tls != running.tls ? "tls" : nil,
      httpTokenFile != running.httpTokenFile ? "httpTokenFile" : nil,
      httpLimits != running.httpLimits ? "limits.http" : nil,
      scalerAddress != running.scalerAddress ? "scaler.address" : nil,
    ].compactMap(\.self)
  }
}

extension ScalerConfiguration {
  /// The settings in which these differ from what runs, apart from the log level.
  func needingRestart(after running: ScalerConfiguration) -> [String] {
    [
      listen != running.listen ? "scaler.listen" : nil,
      httpListen != running.httpListen ? "scaler.httpListen" : nil,
      forecasterURL != running.forecasterURL ? "scaler.forecasterUrl" : nil,
      leadTime != running.leadTime ? "scaler.leadTime" : nil,
      staleAfter != running.staleAfter ? "scaler.staleAfter" : nil,
      log.format != running.log.format ? "log.format" : nil, storage != running.storage ? "storage" : nil,
      tls != running.tls ? "tls" : nil, httpTokenFile != running.httpTokenFile ? "httpTokenFile" : nil,
      forecasterTokenFile != running.forecasterTokenFile ? "scaler.forecasterTokenFile" : nil,
      loops != running.loops ? "scaler.loops" : nil, grpcLimits != running.grpcLimits ? "limits.grpc" : nil,
      httpLimits != running.httpLimits ? "limits.http" : nil,
    ].compactMap(\.self)
  }
}

extension AllInOneConfiguration {
  /// The settings in which these differ from what runs, apart from workloads and log level.
  func needingRestart(after running: AllInOneConfiguration) -> [String] {
    var names = forecaster.needingRestart(after: running.forecaster)
    names += scaler.needingRestart(after: running.scaler).filter { !names.contains($0) }
    return names
  }
}
