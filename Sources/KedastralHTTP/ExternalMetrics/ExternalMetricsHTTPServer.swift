import KedastralCore
import KedastralNet
import Synchronization

/// Serves plans to HorizontalPodAutoscalers through the Kubernetes API server, as the aggregated API
/// ``ExternalMetricsAPI``.
///
/// It follows plans from its creation, and listens as soon as its certificates are known: the API server is its only client,
/// and has authorized its own clients before.
package final class ExternalMetricsHTTPServer: Sendable {
  private let loop: EventLoop
  private let plans: LoopBound<ServedPlans>
  private let defaults: ExternalMetricsAPI.Defaults
  private let answers: MetricFamily
  private let logger: KedastralLogger
  private let service = Mutex<HTTPService?>(nil)

  /// Creates a server that does not listen yet.
  ///
  /// - Parameters:
  ///   - leadTime: the lead time for metrics and plans that have none.
  ///   - staleAfter: the age from which plans are not served.
  package init(
    on loop: EventLoop, clock: any WallClock = SystemWallClock(), leadTime: Duration, staleAfter: Duration,
    metrics: MetricsRegistry, logger: KedastralLogger = .silent
  ) async throws {
    self.loop = loop
    self.logger = logger
    plans = try await loop.run {
      LoopBound(ServedPlans(clock: clock, leadTime: leadTime, staleAfter: staleAfter), to: loop)
    }
    defaults = ExternalMetricsAPI.Defaults(leadTime: leadTime, staleAfter: staleAfter)
    answers = metrics.counter(
      "kedastral_external_metrics_requests_total",
      help: "Number of requests of autoscalers for the metric of a plan, by status.", labels: ["code"])
  }

  /// Starts to listen, once.
  ///
  /// - Parameter settings: with TLS, and the authority and the names of the API server's certificate.
  /// - Returns: the address in use.
  /// - Throws: `Listener.ListenError` when the address cannot be listened on.
  package func listen(_ settings: HTTPServerSettings) async throws -> ListenAddress {
    let service = try await HTTPService(settings, on: loop, metrics: nil, logger: logger) {
      [plans, defaults, answers] in Self.router(plans.withValue { $0 }, ExternalMetricsAPI(defaults: defaults), answers)
    }
    self.service.withLock { $0 = service }
    return service.address
  }

  private static func router(_ plans: ServedPlans, _ api: ExternalMetricsAPI, _ answers: MetricFamily) -> HTTPRouter {
    var router = HTTPRouter()
    router.get("/healthz", isOpen: true) { _ in .now(HTTPResponse(type: "text/plain", body: Array("ok".utf8))) }
    router.get(ExternalMetricsAPI.root) { _ in .now(ExternalMetricsAPI.resources) }
    for (path, document) in ExternalMetricsAPI.descriptions { router.get(path) { _ in .now(.json(document)) } }
    router.getAll(under: ExternalMetricsAPI.root + "/") { request in
      let response = api.answer(request.path, selector: request.query["labelSelector"], at: plans.now) {
        plans.snapshot(of: $0)
      }
      answers.with("\(response.status)").increment()
      return .now(response)
    }
    return router
  }

  /// Serves the plans of a store's stream of updates, until it ends or the task is cancelled.
  package func follow(_ updates: AsyncStream<StoreUpdate>) async {
    for await update in updates {
      plans.loop.execute { [plans] in plans.withValue { $0.apply(update) } }
    }
  }

  /// Stops accepting, lets the answers in flight leave, and closes all connections at the latest after `limit`.
  package func shutdown(within limit: Duration) async { await service.withLock { $0 }?.shutdown(within: limit) }
}
