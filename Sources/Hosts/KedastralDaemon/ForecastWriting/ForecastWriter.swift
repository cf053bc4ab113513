import KedastralCore
import KedastralSources
import Synchronization

import struct KedastralHTTP.ForecastSeries

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Writes forecasts with their future times to a receiver of Prometheus's remote write.
final class ForecastWriter: ForecastObserver {
  /// How much is sent how often.
  struct Settings: Sendable {
    /// The pause between two looks at new plans.
    var interval = Duration.seconds(5)
    /// The number of samples from which a request is large enough.
    var samplesPerRequest = 2000
    /// The pause after a request that failed.
    var backoff = Backoff(initial: .seconds(5), maximum: .seconds(300))
    /// The refusals in a row from which the receiver counts as away.
    var refusalsInRow = 8
  }

  /// What became of a request.
  enum Reception: Sendable {
    case taken
    /// The receiver does not take these samples.
    case refused(String)
    /// It takes nothing at present, and says perhaps how long.
    case away(String, retryAfter: Duration? = nil)
  }

  /// The receiver takes nothing at present.
  private struct Outage: Error {
    let text: String
    var retryAfter: Duration?
  }

  private let name: String
  private let send: @Sendable ([UInt8]) async throws -> Reception
  private let settings: Settings
  private let series: @Sendable (WorkloadName) -> ForecastSeries?
  private let clock: any WallClock
  private let logger: KedastralLogger
  private let samples: MetricFamily
  private let requests: MetricFamily
  private let backlog = Mutex(ForecastBacklog())
  private let refusals = Mutex(0)

  /// - Parameters:
  ///   - endpoint: where requests are posted.
  ///   - series: what is exported of a workload's forecasts.
  convenience init(
    to endpoint: HTTPEndpoint, _ client: HTTPClient, settings: Settings = Settings(),
    series: @escaping @Sendable (WorkloadName) -> ForecastSeries?, clock: any WallClock, metrics: MetricsRegistry,
    logger: KedastralLogger
  ) {
    self.init(
      named: endpoint.displayName, settings: settings, series: series, clock: clock, metrics: metrics, logger: logger
    ) { body in
      let request = HTTPRequest(
        endpoint, method: "POST", headers: RemoteWriteRequest.headers, body: body, acceptsCompression: false)
      return Reception(try await client.send(request))
    }
  }

  /// - Parameters:
  ///   - name: the receiver, for the log.
  ///   - send: posts the body of a request.
  init(
    named name: String, settings: Settings = Settings(),
    series: @escaping @Sendable (WorkloadName) -> ForecastSeries?, clock: any WallClock, metrics: MetricsRegistry,
    logger: KedastralLogger, send: @escaping @Sendable ([UInt8]) async throws -> Reception
  ) {
    self.name = name
    self.send = send
    self.settings = settings
    self.series = series
    self.clock = clock
    self.logger = logger
    samples = metrics.counter(
      "kedastral_series_samples_total", help: "Number of samples of forecasts sent by remote write, by result.",
      labels: ["result"])
    requests = metrics.counter(
      "kedastral_series_requests_total", help: "Number of remote write requests with forecasts, by result.",
      labels: ["result"])
  }

  func roundEnded(_ round: ForecastRound) {
    guard let snapshot = round.snapshot, let series = series(round.workload), series.write != nil else { return }
    backlog.withLock { $0.add(snapshot, series) }
  }

  /// Writes until the task is cancelled.
  func run() async {
    var failures = 0
    var pause = settings.interval
    while (try? await clock.sleep(for: pause)) != nil {
      do {
        if try await writeAll(), failures > 0 {
          logger.info("forecasts are written again", ["receiver": name])
          failures = 0
        }
        pause = failures == 0 ? settings.interval : settings.backoff.delay(afterFailures: failures)
      } catch is CancellationError {
        return
      } catch {
        failures += 1
        let outage = error as? Outage
        if failures == 1 {
          logger.warn("forecasts cannot be written", ["receiver": name, "error": outage?.text ?? "\(error)"])
        }
        let asked = min(outage?.retryAfter ?? .zero, settings.backoff.maximum)
        pause = max(asked, settings.backoff.delay(afterFailures: failures))
      }
    }
  }

  /// - Returns: whether something was written.
  private func writeAll() async throws -> Bool {
    var isWritten = false
    while true {
      let now = clock.now
      let parts = backlog.withLock { $0.next(limit: settings.samplesPerRequest, at: now) }
      if parts.isEmpty { return isWritten }
      if try await write(parts) { isWritten = true }
    }
  }

  /// Writes samples. One that the receiver refuses must not hold up the others, and receivers refuse a whole request.
  ///
  /// - Returns: whether some of it was taken.
  private func write(_ parts: [ForecastBacklog.Part]) async throws -> Bool {
    let count = parts.reduce(0) { $0 + $1.sampleCount }
    guard let refusal = try await post(parts) else {
      samples.with("written").increment(by: Double(count))
      refusals.withLock { $0 = 0 }
      backlog.withLock { $0.settle(parts) }
      return true
    }
    // After a restart the receiver has all times but the newest one of each workload.
    if parts.contains(where: { $0.instants.count > 1 }) { return try await write(parts.map(\.newest)) }
    if parts.count > 1 {
      let half = parts.count / 2
      let first = try await write(Array(parts.prefix(half)))
      let second = try await write(Array(parts.dropFirst(half)))
      return first || second
    }
    samples.with("refused").increment(by: Double(count))
    backlog.withLock { $0.settle(parts) }
    let inRow = refusals.withLock { count in
      count += 1
      return count
    }
    if inRow >= settings.refusalsInRow { throw Outage(text: refusal) }
    return false
  }

  /// - Returns: why the receiver refuses the samples; nil when it has taken them.
  /// - Throws: when it takes nothing at present.
  private func post(_ parts: [ForecastBacklog.Part]) async throws -> String? {
    let reception: Reception
    do {
      reception = try await send(RemoteWriteRequest.body(parts.flatMap(\.series)))
    } catch {
      if !(error is CancellationError) { requests.with("failure").increment() }
      throw error
    }
    switch reception {
    case .taken:
      requests.with("success").increment()
      return nil
    case .refused(let text):
      requests.with("refused").increment()
      return text
    case .away(let text, let retryAfter):
      requests.with("failure").increment()
      throw Outage(text: text, retryAfter: retryAfter)
    }
  }
}

extension ForecastWriter.Reception {
  /// What a receiver's response means. With 400 Prometheus refuses samples that are out of order or too far ahead, 409 is that of
  /// Thanos, and 422 that of Cortex; other errors concern the address, the token or the receiver.
  init(_ response: HTTPResponse) {
    self =
      switch response.status {
      case 200...299: .taken
      case 400, 409, 422: .refused(response.problem())
      default: .away(response.problem(), retryAfter: response.retryAfter)
      }
  }
}
