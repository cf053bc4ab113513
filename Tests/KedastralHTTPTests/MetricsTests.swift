import Foundation
import KedastralCore
import KedastralHTTP
import TestSupport
import Testing

@Suite("Metrics exposition")
struct MetricsTests {
  @Test("counters, gauges and histograms are written as the format wants them")
  func text() {
    let registry = MetricsRegistry()
    registry.counter("calls_total", help: "Calls\nof \\ \"all\" kinds.", labels: ["method", "code"])
      .with("Get\"\\\n", "OK").increment(by: 3)
    registry.gauge("age_seconds", help: "Age.").with().set(-1.5)
    registry.gauge("odd", help: "Odd.", labels: ["of"]).with("nan").set(.nan)
    registry.gauge("odd", help: "Odd.", labels: ["of"]).with("inf").set(.infinity)
    _ = registry.gauge("unused", help: "Never set.", labels: ["x"])
    let latency = registry.histogram("latency_seconds", help: "Latency.", buckets: [0.1, 1])
    for value in [0.05, 0.1, 0.5, 7] { latency.with().observe(value) }
    #expect(
      String(decoding: MetricsText.write(registry), as: UTF8.self) == #"""
        # HELP age_seconds Age.
        # TYPE age_seconds gauge
        age_seconds -1.5
        # HELP calls_total Calls\nof \\ "all" kinds.
        # TYPE calls_total counter
        calls_total{method="Get\"\\\n",code="OK"} 3
        # HELP latency_seconds Latency.
        # TYPE latency_seconds histogram
        latency_seconds_bucket{le="0.1"} 2
        latency_seconds_bucket{le="1"} 3
        latency_seconds_bucket{le="+Inf"} 4
        latency_seconds_sum 7.65
        latency_seconds_count 4
        # HELP odd Odd.
        # TYPE odd gauge
        odd{of="inf"} +Inf
        odd{of="nan"} NaN

        """#)
  }

  @Test("OpenMetrics is written for those who ask for it, with exemplars")
  func openMetrics() async throws {
    let server = try await TestServer()
    let latency = server.metrics.histogram("latency_seconds", help: "A \"latency\".", buckets: [0.1, 1]).with()
    latency.observe(0.05)
    latency.observe(0.5, exemplar: "api")
    server.metrics.counter("calls_total", help: "Calls.").with().increment()
    let accept = "Accept: application/openmetrics-text;version=1.0.0;q=0.6,text/plain;q=0.3"
    let answer = try await curl(server.url + "/metrics", "-H", accept)
    #expect(answer.headers["content-type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8")
    #expect(answer.body.contains("# TYPE calls counter\ncalls_total 1\n"))
    #expect(answer.body.contains("# HELP latency_seconds A \\\"latency\\\".\n"))
    #expect(
      answer.body.contains(
        "latency_seconds_bucket{le=\"0.1\"} 1\nlatency_seconds_bucket{le=\"1\"} 2 # {workload=\"api\"} 0.5\n"))
    #expect(answer.body.hasSuffix("\n# EOF\n"))
    await server.shutdown()
  }

  @Test("promtool finds nothing to complain of, and ages are those of the scrape")
  func promtool() async throws {
    let server = try await TestServer()
    server.metrics.histogram("kedastral_model_predict_seconds", help: "Time of a forecast.", labels: ["workload"])
      .with("api").observe(0.002)
    try await server.apply(.put(TestServer.snapshot("api")))
    server.clock.advance(by: .seconds(7))
    _ = try await curl(server.url + "/workloads")
    let answer = try await curl(server.url + "/metrics")
    #expect(answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8")
    #expect(answer.body.contains("kedastral_forecast_age_seconds{workload=\"api\"} 7\n"))
    #expect(answer.body.contains("kedastral_http_requests_total{path=\"/workloads\",code=\"200\"}"))
    let folder = try TemporaryFolder()
    let file = try folder.write(answer.body, to: "metrics")
    let check = try ChildProcess("sh", "-c", "promtool check metrics < '\(file)'")
    #expect(try await check.waitForExit() == 0, "\(check.output)")
    #expect(check.output.isEmpty, "\(check.output)")
    await server.shutdown()
  }
}
