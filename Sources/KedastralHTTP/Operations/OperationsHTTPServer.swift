import KedastralCore
import KedastralNet

/// The HTTP server of a daemon that has nothing to show but itself: `/healthz`, `/readyz`, `/metrics`.
public final class OperationsHTTPServer: Sendable {
  /// The address in use.
  public var address: ListenAddress { service.address }

  private let service: HTTPService

  /// Starts to listen on `loop`.
  ///
  /// - Throws: `Listener.ListenError` when the address cannot be listened on.
  public init(
    _ settings: HTTPServerSettings, on loop: EventLoop, metrics: MetricsRegistry, readiness: Readiness,
    logger: Logger = .silent
  ) async throws {
    service = try await HTTPService(settings, on: loop, metrics: metrics, logger: logger) {
      var router = HTTPRouter()
      router.addOperations(metrics: metrics, readiness: readiness)
      return router
    }
  }

  /// Stops accepting, lets the answers in flight leave, and closes all connections at the latest after `limit`.
  public func shutdown(within limit: Duration = .seconds(5)) async { await service.shutdown(within: limit) }
}
