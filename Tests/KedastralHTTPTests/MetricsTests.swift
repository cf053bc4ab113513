import Foundation
import KedastralCore
import KedastralHTTP
import Synchronization
import TestSupport
import Testing

@Suite("Metrics exposition")
struct MetricsTests {
  @Test("writes counters, gauges and histograms in the exposition format")
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

  @Test("writes OpenMetrics with exemplars on request")
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

  @Test("promtool accepts the metrics, and ages are computed at the scrape")
  func promtool() async throws {
    let server = try await TestServer()
    server.health.configure([try WorkloadName("api")])
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

  @Test("exports each plan's load, forecast at the lead time, quantiles, limits and errors until it is removed")
  func plans() async throws {
    let server = try await TestServer()
    server.health.configure(try ["api", "new"].map { try WorkloadName($0) })
    var plan = try TestServer.snapshot("api", base: 100, peak: 100)
    plan.requiredReplicas = plan.desiredReplicas.map { $0 + 20 }
    plan.accuracy = .init(mase: 0.5, relativeError: 0.06, coverage: ["0.9": 0.91])
    try await server.apply(.put(plan), .put(TestServer.snapshot("elsewhere")))
    let text = try await curl(server.url + "/metrics").body
    for line in [
      #"kedastral_measured_load{workload="api"} 100"#, #"kedastral_forecast_at_lead_time{workload="api"} 100"#,
      #"kedastral_forecast_quantile_at_lead_time{workload="api",level="0.5"} 100"#,
      #"kedastral_plan_capped{workload="api"} 1"#, #"kedastral_required_replicas{workload="api"} 23"#,
      #"kedastral_forecast_relative_error{workload="api"} 0.06"#,
      #"kedastral_forecast_coverage{workload="api",level="0.9"} 0.91"#,
      #"kedastral_workloads{state="capped"} 1"#, #"kedastral_workloads{state="starting"} 1"#,
      "kedastral_lead_time_seconds 300",
    ] { #expect(text.contains("\n\(line)\n"), "\(line) in \(text)") }
    #expect(text.contains(#"kedastral_forecast_quantile_at_lead_time{workload="api",level="0.9"} 11"#))
    // Another forecaster exports its own.
    #expect(!text.contains(#"workload="elsewhere""#))
    for state in ["ok", "stale"] { #expect(text.contains("\nkedastral_workloads{state=\"\(state)\"} 0\n")) }
    for name in ["cpu_seconds_total", "resident_memory_bytes", "open_fds", "start_time_seconds", "max_fds"] {
      let value = text.split(separator: "\n").first { $0.hasPrefix("process_\(name) ") }?.split(separator: " ").last
      #expect(value.flatMap { Double($0) }.map { $0 > 0 } == true, "process_\(name)")
    }
    let check = try ChildProcess("sh", "-c", "curl -sf '\(server.url)/metrics' | promtool check metrics")
    #expect(try await check.waitForExit() == 0 && check.output.isEmpty, "\(check.output)")

    plan.currentValue = nil
    server.clock.advance(by: .seconds(1))
    try await server.apply(.put(plan))
    #expect(try await !curl(server.url + "/metrics").body.contains("kedastral_measured_load{"))
    try await server.apply(.removed(WorkloadName("api")))
    #expect(try await !curl(server.url + "/metrics").body.contains(#"workload="api""#))
    await server.shutdown()
  }

  @Test("a workload's series end when another process owns it or its plan is gone, and return with it")
  func ownership() async throws {
    let server = try await TestServer()
    let names = try ["a", "b", "c"].map { try WorkloadName($0) }
    for name in names { try await server.apply(.put(TestServer.snapshot(name.text))) }
    /// The workloads that each family of metrics has series of.
    func exported() async throws -> [String: Set<String>] {
      let text = try await curl(server.url + "/metrics").body
      return text.matches(of: /(kedastral_\w+)\{workload="(\w+)"/).reduce(into: [:]) {
        $0[String($1.1), default: []].insert(String($1.2))
      }
    }
    for own in [["a", "b"], ["b", "c"], [], ["c"], ["a", "b", "c"]] {
      server.health.configure(names.filter { own.contains($0.text) }, of: names)
      let families = try await exported()
      #expect(families.count >= 4 || own.isEmpty)
      for (family, workloads) in families { #expect(workloads == Set(own), "\(family)") }
    }
    try await server.apply(.removed(names[0]))
    #expect(try await exported()["kedastral_forecast_age_seconds"] == ["b", "c"])
    server.clock.advance(by: .seconds(60))
    try await server.apply(.put(TestServer.snapshot("a", at: server.clock.now)))
    #expect(try await curl(server.url + "/metrics").body.contains("kedastral_forecast_age_seconds{workload=\"a\"} 0\n"))
    await server.shutdown()
  }

  private final class BusyPool: Sendable {
    let isOver = Atomic(false)
    let busy = Atomic(0)
  }

  @Test("serves metrics, probes, plans and the list while all threads of Swift's pool are busy")
  func busyPool() async throws {
    let server = try await TestServer()
    try await server.apply(.put(TestServer.snapshot("api")))
    let pool = BusyPool()
    let crew = ProcessInfo.processInfo.activeProcessorCount
    let url = server.url
    let answers = await withTaskGroup(of: Void.self) { group in
      for _ in 0..<crew * 2 {
        group.addTask {
          // As a fit does: computes without a pause.
          pool.busy.add(1, ordering: .relaxed)
          while !pool.isOver.load(ordering: .relaxed) {}
        }
      }
      let answers = await withCheckedContinuation { (continuation: CheckedContinuation<[String], Never>) in
        Thread.detachNewThread {
          while pool.busy.load(ordering: .relaxed) < crew { usleep(1000) }
          let paths = ["metrics", "healthz", "readyz", "workloads", "forecast/current?workload=api", "page.js"]
          let answers = paths.map { path in
            let curl = Process()
            curl.executableURL = URL(fileURLWithPath: "/usr/bin/env")
            curl.arguments = ["curl", "-s", "-m", "2", "-o", "/dev/null", "-w", "%{http_code}", "\(url)/\(path)"]
            let output = Pipe()
            curl.standardOutput = output
            guard (try? curl.run()) != nil else { return path }
            let status = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            curl.waitUntilExit()
            return "\(path) \(status)"
          }
          pool.isOver.store(true, ordering: .relaxed)
          continuation.resume(returning: answers)
        }
      }
      return answers
    }
    #expect(answers.allSatisfy { $0.hasSuffix(" 200") }, "\(answers)")
    await server.shutdown()
  }
}
