import FoundationEssentials
import Kedastral
import KedastralCore
import KedastralNet
import Synchronization

/// Reads the configuration again, on SIGHUP and when its file has changed, and applies what can change while the process runs.
///
/// A configuration that is invalid changes nothing; one line of the log says where it is wrong, once for each content of the file.
final class ConfigurationReload<Configuration: Sendable>: Sendable {
  private let read: Program.ReadAgain<Configuration>
  private let apply: @Sendable (Configuration) async throws -> ConfigurationChange
  private let clock: any WallClock
  private let logger: KedastralLogger
  private let reloads: MetricFamily
  private let lastSuccess: Metric
  private let isSuccessful: Metric
  private let file: WatchedFile?
  private let watch: Mutex<FileWatch<FileVersion>>

  /// How often the file is looked at.
  static var pollInterval: Duration { .seconds(2) }

  /// Prepares for reloads.
  ///
  /// - Parameters:
  ///   - file: the file to watch; nil to reload only on SIGHUP.
  ///   - read: reads the settings again.
  ///   - apply: applies them and tells what changed; when it throws, nothing has changed.
  init(
    of file: WatchedFile?, clock: any WallClock, metrics: MetricsRegistry, logger: KedastralLogger,
    read: @escaping Program.ReadAgain<Configuration>,
    apply: @escaping @Sendable (Configuration) async throws -> ConfigurationChange
  ) {
    self.file = file
    watch = Mutex(FileWatch(considered: file?.contentHash))
    self.read = read
    self.apply = apply
    self.clock = clock
    self.logger = logger
    reloads = metrics.counter(
      "kedastral_config_reloads_total", help: "Number of configuration reloads, by result.",
      labels: ["result"])
    lastSuccess = metrics.gauge(
      "kedastral_config_last_success_timestamp_seconds",
      help: "When a configuration was last read and applied, including at the start."
    ).with()
    for result in ["success", "failure"] { reloads.with(result).increment(by: 0) }
    isSuccessful = metrics.gauge(
      "kedastral_config_last_reload_successful",
      help: "Whether the last attempt to read the configuration succeeded: 1, or 0 while the previous one stays in use."
    ).with()
    noteSuccess()
  }

  /// Reloads for each of `hangUps`, and when the watched file has changed, one at a time, until the task is cancelled.
  func serve(_ hangUps: AsyncStream<Void>) async {
    let (requests, request) = AsyncStream.makeStream(of: Request.self, bufferingPolicy: .bufferingNewest(2))
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        for await _ in hangUps { request.yield(.asked) }
      }
      if let file {
        group.addTask { [self] in
          while (try? await clock.sleep(for: Self.pollInterval)) != nil {
            if hasChanged(file.path) { request.yield(.fileChanged) }
          }
        }
      }
      for await request in requests {
        switch request {
        case .asked: await run()
        case .fileChanged:
          // A SIGHUP may have read this content meanwhile.
          guard let file, !watch.withLock({ $0.hasConsidered(WatchedFile.contentHash(of: file.path)) }) else {
            continue
          }
          await run()
        }
      }
    }
  }

  private enum Request: Sendable { case asked, fileChanged }

  private func hasChanged(_ path: String) -> Bool {
    let version = FileVersion(path: path)
    return watch.withLock { $0.poll(version) { WatchedFile.contentHash(of: path) } }
  }

  private func noteSuccess() {
    lastSuccess.set(clock.now.timeIntervalSince1970)
    isSuccessful.set(1)
  }

  /// Reloads once.
  func run() async {
    // Before it is read: a change meanwhile is seen by the next look.
    if let file { watch.withLock { $0.considered = WatchedFile.contentHash(of: file.path) } }
    do {
      let change = try await apply(try read())
      reloads.with("success").increment()
      noteSuccess()
      logger.info(
        "configuration reloaded",
        [
          "added": "\(change.workloads.added)", "changed": "\(change.workloads.changed)",
          "removed": "\(change.workloads.removed)", "kept": "\(change.workloads.kept)",
        ])
      if !change.needingRestart.isEmpty {
        logger.warn(
          "these settings have changed and need a restart", ["settings": change.needingRestart.joined(separator: ", ")])
      }
    } catch {
      reloads.with("failure").increment()
      isSuccessful.set(0)
      logger.error("configuration not reloaded, nothing has changed", ["error": Self.line(error)])
    }
  }

  private static func line(_ error: any Error) -> String {
    guard let problems = (error as? ConfigurationError)?.problems, let first = problems.first else { return "\(error)" }
    return problems.count == 1 ? "\(first)" : "\(first) (and \(problems.count - 1) more)"
  }
}

extension ForecasterConfiguration {
  /// The settings in which these differ from what runs, apart from workloads and log level.
  func needingRestart(after running: ForecasterConfiguration) -> [String] {
    [
      listen != running.listen ? "listen" : nil, log.format != running.log.format ? "log.format" : nil,
      storage != running.storage ? "storage" : nil, tls != running.tls ? "tls" : nil,
      httpTokenFile != running.httpTokenFile ? "httpTokenFile" : nil,
      httpLimits != running.httpLimits ? "limits.http" : nil,
      pushTokenFile != running.pushTokenFile ? "pushTokenFile" : nil,
      pushLimits != running.pushLimits ? "limits.push" : nil,
      seriesWrite != running.seriesWrite ? "seriesWrite" : nil,
      scalerAddress != running.scalerAddress ? "scaler.address" : nil,
      scorecard != running.scorecard ? "scorecard" : nil,
      kubernetes != running.kubernetes ? "kubernetes" : nil,
      watchedFile?.path != running.watchedFile?.path ? "watchConfig" : nil,
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
      externalMetrics != running.externalMetrics ? "externalMetrics" : nil,
      loops != running.loops ? "scaler.loops" : nil, grpcLimits != running.grpcLimits ? "limits.grpc" : nil,
      httpLimits != running.httpLimits ? "limits.http" : nil,
      watchedFile?.path != running.watchedFile?.path ? "watchConfig" : nil,
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
