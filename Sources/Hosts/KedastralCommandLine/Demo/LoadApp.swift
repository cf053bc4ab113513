import FoundationEssentials
import KedastralCore
import KedastralDaemon
import KedastralHTTP
import KedastralNet

/// A small application under load: its `/metrics` shows `api_requests_total`, which grows with a given load curve.
///
/// The requests are only counted, not sent; everything after the counter is real: the page is served over HTTP and
/// scraped.
struct LoadApp {
  /// The page's address.
  var url: String { "http://\(server.address)/metrics" }

  private let server: OperationsHTTPServer
  private let clock: any WallClock
  private let load: @Sendable (Date) -> Double
  private let requests: Metric

  /// Starts to serve on a free loopback port.
  init(
    app: String, on loop: EventLoop, clock: any WallClock, load: @escaping @Sendable (Date) -> Double
  ) async throws {
    let metrics = MetricsRegistry()
    requests = metrics.counter(
      "api_requests_total", help: "Requests answered.", labels: ["namespace", "app"]
    ).with("default", app)
    server = try await OperationsHTTPServer(
      HTTPServerSettings(address: ListenAddress(host: "127.0.0.1", port: 0)), on: loop, metrics: metrics,
      readiness: Readiness())
    self.clock = clock
    self.load = load
  }

  /// Counts requests until the task is cancelled.
  func run() async throws {
    var last = clock.now
    while true {
      try await clock.sleep(for: .seconds(1))
      let now = clock.now
      requests.increment(by: load(last) * now.timeIntervalSince(last))
      last = now
    }
  }

  /// Stops serving.
  func shutdown() async { await server.shutdown(within: .seconds(1)) }
}
