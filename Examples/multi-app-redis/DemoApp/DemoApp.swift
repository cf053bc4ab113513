import KedastralCore
import KedastralHTTP
import KedastralNet

/// The application: it answers `GET /` and counts what it answers in `api_requests_total{namespace,app}`.
struct DemoApp {
  private let name: String
  private let namespace: String
  private let address: ListenAddress

  init(_ environment: Environment) throws {
    name = try environment.text("APP_NAME", default: "app")
    namespace = try environment.text("POD_NAMESPACE", default: "default")
    address = try ListenAddress(try environment.text("LISTEN", default: ":8080"))
  }

  /// Serves until a signal.
  func run() async throws {
    let loop = try EventLoop()
    let stop = try await StopSignal(on: loop)
    let metrics = MetricsRegistry()
    let requests = metrics.counter(
      "api_requests_total", help: "Requests answered.", labels: ["namespace", "app"]
    ).with(namespace, name)
    let server = try await loop.run { [name, address] in
      let answer = HTTPResponse(type: "text/plain; charset=utf-8", body: Array("\(name) at your service\n".utf8))
      var router = HTTPRouter()
      router.get("/") { _ in
        requests.increment()
        return .now(answer)
      }
      for probe in ["/healthz", "/readyz"] {
        router.get(probe) { _ in .now(.json(Array(#"{"status":"ok"}"#.utf8))) }
      }
      router.get("/metrics") { _ in
        .now(HTTPResponse(type: MetricsText.Format.prometheus.contentType, body: MetricsText.write(metrics)))
      }
      let server = try HTTPServer(on: loop, settings: HTTPServerSettings(address: address), router: router)
      Output.say("\(name) listens on \(server.address)")
      return LoopBound(server, to: loop)
    }
    await stop.wait()
    await withCheckedContinuation { continuation in
      loop.execute { server.withValue { $0.close(within: .seconds(3)) { continuation.resume() } } }
    }
    Output.say("\(name) answered \(Int(requests.value)) requests")
  }
}
