import KedastralCore
import KedastralNet

/// KEDA's external scaler as a gRPC server, with health checks: what a host or an embedding program runs.
///
///     let server = ScalerServer(address: try ListenAddress(":50051"), metrics: metrics, logger: logger)
///     try await server.start()
///     async let serving: Void = server.follow(store.updates())
///     await server.setReady(true)
///     …
///     await server.shutdown(within: .seconds(5))
///
/// Each event loop has its own connections and table; a call is answered on the loop's thread, from memory.
package actor ScalerServer {
  /// The address in use after the start, with the port that the system chose for 0.
  package private(set) var address: ListenAddress
  private let loopCount: Int
  private let settings: ScalerWorker.Settings
  private var workers: [Worker] = []

  /// A worker and its loop; the worker is nil once it is shut down.
  private struct Worker {
    let loop: EventLoop
    let state: LoopBound<ScalerWorker?>

    func perform(_ work: @escaping @Sendable (ScalerWorker) -> Void) {
      loop.execute { [state] in state.withValue { $0 }.map(work) }
    }
  }

  /// Creates a server that listens nowhere yet.
  ///
  /// - Parameters:
  ///   - tls: a server's identity that negotiates `h2` (with authorities, to demand client certificates), or nil for plain text;
  ///     the server looks after its files.
  ///   - loops: event loops, each a thread; more than one share the port.
  ///   - problem: the reason why a workload has no plan, if known; it is part of the error that clients receive.
  package init(
    address: ListenAddress, tls: TLSIdentity? = nil, loops: Int = 1, defaults: ScalerDefaults = ScalerDefaults(),
    limits: GRPCLimits = GRPCLimits(), clock: any WallClock = SystemWallClock(), metrics: MetricsRegistry,
    logger: KedastralLogger = .silent, problem: @escaping @Sendable (String) -> String? = { _ in nil }
  ) {
    self.address = address
    loopCount = max(1, loops)
    var limits = limits
    limits.connections = max(1, limits.connections / max(1, loops))
    settings = ScalerWorker.Settings(
      tls: tls, defaults: defaults, limits: limits, clock: clock, metrics: metrics, logger: logger,
      record: ScalerRecord(metrics: metrics, logger: logger), series: ScalerSeries(metrics), problem: problem)
  }

  /// Starts the loops and listens; returns the address in use.
  ///
  /// - Throws: `Listener.ListenError` or `EventLoop.StartError`; nothing runs then.
  @discardableResult
  package func start() async throws -> ListenAddress {
    precondition(workers.isEmpty, "a server is started once")
    do {
      for _ in 0..<loopCount {
        let loop = try EventLoop()
        do {
          let isFirst = workers.isEmpty
          let (state, bound) = try await loop.run { [address, settings, sharesPort = loopCount > 1] in
            // A port that is shared could be shared with another process too; only one that is free is.
            if sharesPort, isFirst { try Listener(on: loop, at: address) { Listener.refuse($0) }.close() }
            let worker = try ScalerWorker(on: loop, at: address, sharesPort: sharesPort, settings)
            return (LoopBound<ScalerWorker?>(worker, to: loop), worker.server.address)
          }
          // The other loops share the port that the first one got.
          address = bound
          workers.append(Worker(loop: loop, state: state))
        } catch {
          await loop.stop()
          throw error
        }
      }
    } catch {
      await shutdown(within: .zero)
      throw error
    }
    return address
  }

  /// Applies a store's updates to every loop's table until the stream or the task ends.
  package func follow(_ updates: AsyncStream<StoreUpdate>) async {
    for await update in updates {
      for worker in workers { worker.perform { $0.apply(update) } }
    }
  }

  /// Sets what health checks answer; not ready at first.
  package func setReady(_ isReady: Bool) {
    for worker in workers { worker.perform { $0.setReady(isReady) } }
  }

  /// Accepts no more connections, asks clients to go elsewhere, lets calls in flight end for as long as `deadline`, closes
  /// the rest, and ends the loops. Harmless when repeated.
  package func shutdown(within deadline: Duration) async {
    let stopping = workers
    workers = []
    await withTaskGroup(of: Void.self) { group in
      for worker in stopping {
        group.addTask {
          await withCheckedContinuation { continuation in
            worker.loop.execute {
              guard let state = worker.state.withValue({ $0 }) else { return continuation.resume() }
              state.shutDown(within: deadline) {
                // The server may be in the middle of a callback: let go of it behind that.
                worker.loop.execute {
                  worker.state.withValue { $0 = nil }
                  continuation.resume()
                }
              }
            }
          }
          await worker.loop.stop()
        }
      }
    }
  }
}
