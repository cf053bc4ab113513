import KedastralCore
import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Load from an application's own `/metrics`, without a Prometheus server.
///
///     let source = ScrapeSource(
///       endpoint: HTTPEndpoint("http://shop:8080/metrics"), selector: try ScrapeSelector("http_requests_total"),
///       step: .seconds(60), client: client, clock: clock)
///     async let scraping: Void = source.run()
///
/// A counter becomes its growth per second, a gauge is used unchanged; all series that match are added up. The source
/// remembers the load from its first scrape on, so it begins with what `seed` says and an empty past otherwise.
package final class ScrapeSource: MetricSource {
  private struct State {
    var history: ScrapeHistory
    var lastSuccess: Date?
    var lastFailure: SourceError?
  }

  /// The address that is scraped.
  package let endpoint: HTTPEndpoint
  /// The samples that are used.
  package let selector: ScrapeSelector
  /// The step of the series.
  package let step: Duration
  /// The time between scrapes.
  package let interval: Duration
  private let client: HTTPClient
  private let clock: any WallClock
  private let logger: KedastralLogger
  private let patience: Duration
  private let state: Mutex<State>

  /// Creates a source, which begins to scrape in ``run()``.
  ///
  /// - Parameters:
  ///   - endpoint: the URL to scrape.
  ///   - step: the step of the series, which all requests must use.
  ///   - interval: the time between scrapes; a quarter of the step unless it is given.
  ///   - capacity: how many steps are remembered; eight days of minutes unless it is given.
  ///   - seed: the load before the first scrape.
  /// - Precondition: the seed's step is `step`.
  package init(
    endpoint: HTTPEndpoint, selector: ScrapeSelector, step: Duration, interval: Duration? = nil, capacity: Int = 11_520,
    seed: TimeSeries? = nil, client: HTTPClient, clock: any WallClock, logger: KedastralLogger = .silent
  ) {
    precondition(seed == nil || seed?.step == step, "the seed has the source's step")
    self.endpoint = endpoint
    self.selector = selector
    self.step = step
    self.interval = interval ?? step / 4
    self.client = client
    self.clock = clock
    self.logger = logger
    patience = max(step * 2, self.interval * 4)
    let seed = seed ?? TimeSeries(start: clock.now.ceiled(to: step), step: step, values: [])
    state = Mutex(State(history: ScrapeHistory(seed: seed, capacity: max(1, capacity), longestInterval: patience)))
  }

  /// Scrapes every ``interval`` until the task is cancelled. A failing scrape is logged and does not stop it.
  package func run() async throws {
    while true {
      let start = clock.now
      do {
        try await scrape()
      } catch let error as SourceError {
        logger.warn("scrape failed", ["error": error.description])
      }
      try await clock.sleep(until: start + interval)
    }
  }

  /// Scrapes once.
  ///
  /// - Throws: ``SourceError``, `CancellationError`.
  package func scrape() async throws {
    do {
      let request = HTTPRequest(endpoint, headers: [HTTPHeader("Accept", "text/plain;version=0.0.4")])
      let response = try await client.answer(to: request, asked: asked)
      let exposition = try read(response)
      let now = clock.now
      state.withLock { state in
        state.history.add(exposition, at: now)
        state.lastSuccess = now
        state.lastFailure = nil
      }
    } catch let error as SourceError {
      state.withLock { $0.lastFailure = error }
      throw error
    }
  }

  /// The load as far as it has been scraped.
  ///
  /// - Throws: ``SourceError`` for another step than ``step``, and when scraping has failed for some time: a single failed scrape
  ///   only leaves a gap.
  package func samples(in range: Range<Date>, step: Duration) async throws -> TimeSeries {
    guard step == self.step else {
      let problem = "the scrape step is \(DurationText.format(self.step)), not \(DurationText.format(step))"
      throw SourceError(asked: asked, of: endpoint.displayName, problem: problem)
    }
    let now = clock.now
    let (known, failure) = state.withLock { state in
      let isOverdue = state.lastSuccess.map { now.timeIntervalSince($0) > patience.inSeconds } ?? true
      return (state.history.series, isOverdue ? state.lastFailure : nil)
    }
    if let failure { throw failure }
    return known.samples(in: range)
  }

  private var asked: String { "metric \(selector)" }

  private func read(_ response: HTTPResponse) throws(SourceError) -> Exposition {
    let problem: String
    do {
      let exposition = try Exposition(response.body, selector: selector)
      if !exposition.values.isEmpty { return exposition }
      problem = "no sample matches; the response begins: \(response.excerpt)"
    } catch {
      problem = "the response is not in Prometheus's text format: \(error)"
    }
    throw SourceError(asked: asked, of: endpoint.displayName, problem: problem)
  }
}
