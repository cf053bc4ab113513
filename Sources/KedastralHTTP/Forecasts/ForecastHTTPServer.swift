import KedastralCore
import KedastralNet

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The forecaster's HTTP server: the forecast API, probes, metrics, and a live page.
///
///     let server = try await ForecastHTTPServer(
///       HTTPServerSettings(address: try ListenAddress(":8081")), on: loop, leadTime: .seconds(300),
///       interval: { _ in .seconds(30) }, metrics: metrics, readiness: readiness)
///     async let following: Void = server.follow(store.updates())
///     …
///     await server.shutdown()
///
/// It answers only from memory, with the updates of ``follow(_:)``.
package final class ForecastHTTPServer: Sendable {
  /// The address in use.
  package var address: ListenAddress { service.address }

  private let service: HTTPService
  private let board: LoopBound<ForecastBoard>

  /// Starts to listen on `loop`.
  ///
  /// - Parameters:
  ///   - leadTime: the lead time that the page shows: the one KEDA's triggers use.
  ///   - interval: how often a workload's forecast is renewed; one older than two intervals is marked stale.
  ///   - staleAfter: the age from which the scaler does not serve a plan, where that is known; two intervals otherwise.
  ///   - series: the parts of a workload's forecast that `/metrics` shows; nil for none.
  ///   - labels: the labels of all workloads, by which the page groups them.
  ///   - health: the configured workloads and what their rounds fail with, so that those without a plan are shown too.
  ///   - metrics: what `/metrics` shows, and where this server counts its requests.
  ///   - readiness: what `/readyz` answers.
  ///   - history: the source of the page's load history; without one the page shows only the future.
  ///   - texts: what writes a workload's settings down; without it there is nothing to copy.
  ///   - records: how the plans came about, for `/explain` and `/whatif`.
  ///   - scorecards: what the plans were worth, for `/scorecard`.
  ///   - receivers: routes that receive data.
  /// - Throws: `Listener.ListenError` when the address cannot be listened on.
  package init(
    _ settings: HTTPServerSettings, on loop: EventLoop, clock: any WallClock = SystemWallClock(), leadTime: Duration,
    interval: @escaping @Sendable (WorkloadName) -> Duration, staleAfter: Duration? = nil,
    series: @escaping @Sendable (WorkloadName) -> ForecastSeries? = { _ in nil },
    labels: @escaping @Sendable () -> WorkloadLabels = { WorkloadLabels() }, health: WorkloadHealth? = nil,
    metrics: MetricsRegistry, readiness: Readiness,
    history: (any LoadHistory)? = nil, texts: (any ConfigurationTexts)? = nil, records: (any PlanRecords)? = nil,
    scorecards: Scorecards? = nil, receivers: [HTTPReceiver] = [], logger: KedastralLogger = .silent
  ) async throws {
    let board = try await loop.run {
      LoopBound(
        ForecastBoard(
          clock: clock, leadTime: leadTime, interval: interval, staleAfter: staleAfter, series: series, labels: labels,
          health: health, metrics: metrics),
        to: loop)
    }
    self.board = board
    service = try await HTTPService(settings, on: loop, metrics: metrics, logger: logger) {
      let board = board.withValue { $0 }
      let overview = OverviewStream(board, leadTime: leadTime, on: loop)
      var router = HTTPRouter()
      router.addOperations(metrics: metrics, readiness: readiness) { board.metricsUpdate() }
      router.addForecasts(board, history: history, texts: texts)
      router.addExplanation(board, leadTime: leadTime, staleAfter: staleAfter, records: records)
      if let records { router.addWhatIf(board, leadTime: leadTime, records: records) }
      if let scorecards { router.addScorecards(board, scorecards) }
      for receiver in receivers { router.add(receiver) }
      router.addPage(overview)
      return router
    }
  }

  /// Applies a store's stream of updates until it ends or the task is cancelled.
  package func follow(_ updates: AsyncStream<StoreUpdate>) async {
    for await update in updates { apply(update) }
  }

  /// Hands one update to the loop.
  func apply(_ update: StoreUpdate) {
    board.loop.execute { [board] in board.withValue { $0.apply(update) } }
  }

  /// Stops accepting, lets the answers in flight leave, and closes all connections at the latest after `limit`.
  package func shutdown(within limit: Duration = .seconds(5)) async { await service.shutdown(within: limit) }
}
