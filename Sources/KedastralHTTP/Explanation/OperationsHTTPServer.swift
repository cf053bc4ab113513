import KedastralCore
import KedastralNet

/// The HTTP server of a daemon that makes no plans: `/healthz`, `/readyz`, `/metrics`, and `/explain` of the plans it serves.
package final class OperationsHTTPServer: Sendable {
  /// The address in use.
  package var address: ListenAddress { service.address }

  private let service: HTTPService
  private let plans: LoopBound<ServedPlans>

  /// Starts to listen on `loop`.
  ///
  /// - Parameters:
  ///   - leadTime: the lead time that explanations count with.
  ///   - staleAfter: the age from which plans are not served.
  ///   - problem: what a workload's latest rounds failed with, where its forecaster tells.
  /// - Throws: `Listener.ListenError` when the address cannot be listened on.
  package init(
    _ settings: HTTPServerSettings, on loop: EventLoop, clock: any WallClock = SystemWallClock(),
    leadTime: Duration = .seconds(300), staleAfter: Duration? = nil, metrics: MetricsRegistry, readiness: Readiness,
    problem: (@Sendable (WorkloadName) -> WorkloadProblem?)? = nil, logger: KedastralLogger = .silent
  ) async throws {
    let plans = try await loop.run {
      LoopBound(ServedPlans(clock: clock, leadTime: leadTime, staleAfter: staleAfter, problem: problem), to: loop)
    }
    self.plans = plans
    service = try await HTTPService(settings, on: loop, metrics: metrics, logger: logger) {
      var router = HTTPRouter()
      router.addOperations(metrics: metrics, readiness: readiness)
      router.addExplanation(plans.withValue { $0 }, leadTime: leadTime, staleAfter: staleAfter, records: nil)
      return router
    }
  }

  /// Explains the plans of a store's stream of updates, until it ends or the task is cancelled.
  package func follow(_ updates: AsyncStream<StoreUpdate>) async {
    for await update in updates {
      plans.loop.execute { [plans] in plans.withValue { $0.apply(update) } }
    }
  }

  /// Stops accepting, lets the answers in flight leave, and closes all connections at the latest after `limit`.
  package func shutdown(within limit: Duration = .seconds(5)) async { await service.shutdown(within: limit) }
}
