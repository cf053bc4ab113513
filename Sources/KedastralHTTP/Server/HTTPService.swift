import KedastralCore
import KedastralNet

/// An HTTP server as the rest of the process sees it: started, addressed and shut down from anywhere.
final class HTTPService: Sendable {
  let address: ListenAddress
  let loop: EventLoop
  private let server: LoopBound<HTTPServer?>

  /// Starts a server whose router, with everything that its handlers hold, is made on the loop.
  init(
    _ settings: HTTPServerSettings, on loop: EventLoop, metrics: MetricsRegistry?, logger: KedastralLogger = .silent,
    router: @escaping @Sendable () throws -> HTTPRouter
  ) async throws {
    let (server, address) = try await loop.run {
      let server = try HTTPServer(on: loop, settings: settings, router: router(), metrics: metrics, logger: logger)
      return (LoopBound(HTTPServer?.some(server), to: loop), server.address)
    }
    self.loop = loop
    self.server = server
    self.address = address
  }

  deinit {
    // What is loop-bound ends on its loop.
    let server = self.server
    loop.execute {
      server.withValue {
        $0?.free()
        $0 = nil
      }
    }
  }

  func shutdown(within limit: Duration) async {
    await withCheckedContinuation { continuation in
      loop.execute { [self] in
        guard let running = server.withValue({ $0 }) else { return continuation.resume() }
        running.close(within: limit) { [self] in
          server.withValue { $0 = nil }
          continuation.resume()
        }
      }
    }
  }
}
