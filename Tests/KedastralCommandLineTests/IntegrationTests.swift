import Foundation
import KedastralCore
import KedastralHTTP
import KedastralNet
import TestSupport
import Testing

/// An application whose requests are counted on a page that a real Prometheus scrapes.
private final class Exporter: Sendable {
  let port: UInt16
  private let loop: EventLoop
  private let server: OperationsHTTPServer
  private let counting: Task<Void, any Error>

  /// Starts with `rate` requests per second, as a function of the seconds since the start.
  init(rate: @escaping @Sendable (Double) -> Double) async throws {
    let metrics = MetricsRegistry()
    let requests = metrics.counter("api_requests_total", help: "Requests.", labels: ["app"]).with("api-app")
    loop = try EventLoop()
    server = try await OperationsHTTPServer(
      HTTPServerSettings(address: ListenAddress(host: "127.0.0.1", port: 0)), on: loop, metrics: metrics,
      readiness: Readiness())
    port = server.address.port
    counting = Task {
      let start = Date()
      var last = start
      while true {
        try await Task.sleep(for: .milliseconds(50))
        let now = Date()
        requests.increment(by: rate(now.timeIntervalSince(start)) * now.timeIntervalSince(last))
        last = now
      }
    }
  }

  func stop() async {
    counting.cancel()
    await server.shutdown(within: .seconds(1))
    await loop.stop()
  }
}

@Suite("Prometheus to KEDA, with real servers at both ends")
struct IntegrationTests {
  private func prometheus(scraping port: UInt16) async throws -> PrometheusServer {
    try await PrometheusServer(
      configuration: """
        global: {scrape_interval: 1s}
        scrape_configs:
          - job_name: app
            static_configs: [{targets: ["127.0.0.1:\(port)"]}]
        """)
  }

  private func forecaster(_ prometheus: String, listen: UInt16, more: [String] = []) throws -> Daemon {
    try Daemon(
      "kedastral-forecaster",
      [
        "-listen", "127.0.0.1:\(listen)", "-workload", "api-app", "-metric", "rps", "-adapter-url", prometheus,
        "-adapter-query", "sum(rate(api_requests_total[4s]))", "-step", "2s", "-interval", "4s", "-window", "5m",
        "-horizon", "60s", "-target-per-pod", "50", "-model", "baseline", "-log-format", "json",
      ] + more)
  }

  @Test("gRPC returns the plan's value, at each lead time, over time")
  func valueIsThePlans() async throws {
    let exporter = try await Exporter { 200 + 20 * $0 }
    let prometheus = try await prometheus(scraping: exporter.port)
    let (http, grpc, operations) = (freePort(), freePort(), freePort())
    let forecaster = try forecaster(prometheus.url, listen: http)
    let watch = PlanWatch()
    let watching = Task { try await watch.run("api-app", http) }
    defer { watching.cancel() }
    let scaler = try Daemon(
      "kedastral-scaler",
      [
        "-listen", "127.0.0.1:\(grpc)", "-http-listen", "127.0.0.1:\(operations)", "-forecaster-url",
        "http://127.0.0.1:\(http)", "-lead-time", "20s",
      ])
    try await eventually("a ready scaler") {
      await Daemon.get(operations, "/readyz").status == 200
    }
    var answered: Set<Double> = []
    var rounds = 0
    // On a fast machine twelve rounds are over before the load has grown by enough.
    let end = ContinuousClock.now + .seconds(60)
    while rounds < 12 || (answered.count <= 3 && ContinuousClock.now < end) {
      for (metadata, question) in [
        (["workload": "api-app"], ScalingQuestion(leadTime: .seconds(20))),
        (
          ["workload": "api-app", "leadTime": "6s", "select": "at-lead"],
          ScalingQuestion(leadTime: .seconds(6), selection: .atLead)
        ),
        (["name": "api-app", "mode": "load"], ScalingQuestion(leadTime: .seconds(20), mode: .load)),
      ] {
        let before = Date()
        let answer = try await KEDAClient.ask(grpc, metadata)
        let after = Date()
        let value = try #require(answer.value, "\(answer)")
        // The scaler follows at its own pace: it may still hold a plan of half a minute ago, and time passes during a call.
        let explained: Void? = try? await eventually("a plan that says this") {
          watch.plans(since: before - .seconds(30)).contains { plan in
            stride(from: 0, through: after.timeIntervalSince(before) + 0.1, by: 0.1).contains {
              let possible = plan.answer(question, at: before + .seconds($0))
              // Fractional pods are sent in thousandths.
              let target = question.mode == .load ? 1000.0 : 1
              return possible.map { $0.value * target } == value && target == answer.target
            }
          }
        }
        #expect(
          explained != nil,
          "no plan says \(answer) between \(before) and \(after): \(watch.plans(since: before - .seconds(60)))")
        #expect(answer.active == true)
        answered.insert(value)
      }
      rounds += 1
    }
    #expect(answered.count > 3, "the load grows, so the answers do")
    try await eventually("the log") {
      forecaster.process.output.contains(#""msg":"stored forecast","workload":"api-app""#)
    }

    let unknown = try await KEDAClient.ask(grpc, ["workload": "nobody"])
    #expect(unknown.code == "NOT_FOUND" && unknown.details?.contains("nobody") == true)
    #expect(await Daemon.get(http, "/forecast/current?workload=nobody").status == 404)
    #expect(await Daemon.get(http, "/forecast/current?workload=a%20b").status == 400)

    for daemon in [forecaster, scaler] { daemon.process.signal(SIGTERM) }
    #expect(try await forecaster.process.waitForExit() == 0)
    #expect(try await scaler.process.waitForExit() == 0)
    prometheus.stop()
    await exporter.stop()
  }

  @Test("names an unavailable Prometheus in the readiness check, and recovers without a restart")
  func prometheusDown() async throws {
    let exporter = try await Exporter { _ in 100 }
    let (http, port) = (freePort(), freePort())
    let forecaster = try forecaster("http://127.0.0.1:\(port)", listen: http)
    try await eventually("a failed round") {
      forecaster.process.output.contains(#""msg":"forecast failed","workload":"api-app","stage":"collect""#)
    }
    #expect(forecaster.process.output.contains("127.0.0.1:\(port)"))
    let ready = await Daemon.get(http, "/readyz")
    #expect(ready.status == 503)
    #expect(
      ready.body.contains("sources: 1 of 1 workload failing: api-app (collect:")
        && ready.body.contains("127.0.0.1:\(port)"))
    #expect(await Daemon.get(http, "/healthz").status == 200)
    #expect(await Daemon.get(http, "/forecast/current?workload=api-app").status == 404)

    let prometheus = try await PrometheusServer(
      configuration: """
        global: {scrape_interval: 1s}
        scrape_configs:
          - job_name: app
            static_configs: [{targets: ["127.0.0.1:\(exporter.port)"]}]
        """, port: port)
    try await eventually("a plan") {
      await Daemon.get(http, "/forecast/current?workload=api-app").status == 200
    }
    #expect(await Daemon.get(http, "/readyz").status == 200)
    forecaster.process.signal(SIGINT)
    #expect(try await forecaster.process.waitForExit() == 0)
    prometheus.stop()
    await exporter.stop()
  }

  @Test("fetches a week of past data with a gap at the start, and forecasts with its seasons")
  func pastData() async throws {
    // Three days up to now, each minute; a spike each hour, the last one 40 minutes ago, and half a day missing.
    let end = (Date().timeIntervalSince1970 / 60).rounded(.down) * 60
    let minutes = 3 * 1440
    var text = "# TYPE load gauge\n"
    for minute in 0...minutes where !(1000...1720).contains(minute) {
      let time = end - Double(minutes - minute) * 60
      let isSpike = (minutes - minute + 20) % 60 < 10
      text += "load{app=\"worker\"} \(isSpike ? 500 : 100) \(Int(time))\n"
    }
    let prometheus = try await PrometheusServer(openMetrics: text + "# EOF\n")
    let http = freePort()
    let forecaster = try Daemon(
      "kedastral-forecaster", [],
      environment: [
        "LISTEN": "127.0.0.1:\(http)", "WORKLOAD": "worker", "METRIC": "load", "ADAPTER": "prometheus",
        "ADAPTER_URL": prometheus.url, "ADAPTER_QUERY": #"load{app="worker"}"#, "HORIZON": "1h", "MODEL": "baseline",
        "TARGET_PER_POD": "50", "HEADROOM": "1.0", "UP_MAX_FACTOR": "20",
        "INTERVAL": "5s",
      ])
    try await eventually("a plan from the whole history") {
      let answer = await Daemon.get(http, "/forecast/current?workload=worker")
      return answer.status == 200 && !answer.body.contains("\"learning\"")
    }
    let snapshot = try Snapshot(
      json: Data(await Daemon.get(http, "/forecast/current?workload=worker").body.utf8))
    #expect(snapshot.values.count == 60)
    // The next hour has one spike of ten minutes.
    #expect((8...12).contains(snapshot.values.count { $0 > 300 }), "\(snapshot.values)")
    #expect(snapshot.desiredReplicas.max() == 10)
    #expect(abs((snapshot.accuracy?.repairedShare ?? 0) - 721.0 / Double(minutes + 1)) < 0.01)
    forecaster.process.kill()
    prometheus.stop()
  }
}
