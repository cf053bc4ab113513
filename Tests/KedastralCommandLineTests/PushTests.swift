import Foundation
import TestSupport
import Testing

@Suite("A forecaster to which real senders push")
struct PushTests {
  /// A forecaster with steps of a second, and the port of its HTTP server.
  private func forecaster(
    _ folder: TemporaryFolder, sources: [(workload: String, source: String)]
  ) async throws -> (daemon: Daemon, http: UInt16) {
    let token = try folder.write("s3cret\n", to: "token")
    let workloads = sources.map { "  - {name: \($0.workload), source: {\($0.source)}}" }
    let file = try folder.write(
      """
      pushTokenFile: \(token)
      defaults: {metric: rps, model: baseline, step: 1s, interval: 1s, horizon: 5m, window: 10m}
      workloads:
      \(workloads.joined(separator: "\n"))
      """, to: "k.yaml")
    let http = freePort()
    let daemon = try Daemon(
      "kedastral-forecaster", ["-config", file, "-listen", "127.0.0.1:\(http)", "-log-format", "json"])
    try await eventually("the forecaster to listen") { await Daemon.get(http, "/healthz").status == 200 }
    return (daemon, http)
  }

  @Test("forecasts a gauge and a counter that Prometheus writes, and skips the rest")
  func prometheus() async throws {
    let folder = try TemporaryFolder()
    let (daemon, http) = try await forecaster(
      folder,
      sources: [
        ("targets", "type: remoteWrite, metric: up, labels: {job: self}"),
        ("samples", "type: remoteWrite, metric: prometheus_tsdb_head_samples_appended_total, labels: {job: self}"),
      ])
    defer { daemon.process.kill() }
    let port = freePort()
    let prometheus = try await PrometheusServer(
      configuration: """
        global: {scrape_interval: 1s}
        scrape_configs: [{job_name: self, static_configs: [{targets: ["127.0.0.1:\(port)"]}]}]
        remote_write:
          - url: http://127.0.0.1:\(http)/api/v1/write
            authorization: {credentials: s3cret}
            queue_config: {batch_send_deadline: 1s}
        """, port: port)
    defer { prometheus.stop() }
    try await eventually("the loads") {
      guard let targets = await Daemon.metric(http, #"kedastral_measured_load{workload="targets"}"#),
        let samples = await Daemon.metric(http, #"kedastral_measured_load{workload="samples"}"#)
      else { return false }
      // One scrape of some hundred samples per second.
      return targets == 1 && samples > 100
    }
    #expect(await Daemon.metric(http, #"kedastral_unselected_samples_total{protocol="remoteWrite"}"#) ?? 0 > 100)
    #expect(await Daemon.metric(http, #"kedastral_received_samples_total{protocol="remoteWrite"}"#) ?? 0 > 5)
    #expect(daemon.lines("pushed points are refused").isEmpty, "\(daemon.process.output)")
  }

  private static let sender = """
    import sys, time
    from opentelemetry.exporter.otlp.proto.http import Compression
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.sdk.metrics import Counter, MeterProvider
    from opentelemetry.sdk.metrics.export import AggregationTemporality, PeriodicExportingMetricReader
    from opentelemetry.sdk.resources import Resource
    url, name, temporality = sys.argv[1:4]
    exporter = OTLPMetricExporter(
      endpoint=url, headers={"Authorization": "Bearer s3cret"}, compression=Compression.Gzip,
      preferred_temporality={Counter: AggregationTemporality[temporality]})
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=400)
    provider = MeterProvider(metric_readers=[reader], resource=Resource.create({"service.name": name}))
    meter = provider.get_meter("test")
    counter = meter.create_counter("http.server.requests")
    open_requests = meter.create_up_down_counter("http.server.active_requests")
    open_requests.add(7)
    begin, sent = time.monotonic(), 0
    while True:
      time.sleep(0.02)
      wanted = int(100 * (time.monotonic() - begin))
      counter.add(wanted - sent, {"code": "200"})
      sent = wanted
    """

  @Test("forecasts what OpenTelemetry's own SDK pushes, cumulative and delta, compressed")
  func otlp() async throws {
    let folder = try TemporaryFolder()
    let (daemon, http) = try await forecaster(
      folder,
      sources: [
        ("shop", "type: otlp, metric: http.server.requests, attributes: {service.name: shop}"),
        ("blog", "type: otlp, metric: http.server.requests, attributes: {service.name: blog, code: 200}"),
        ("open", "type: otlp, metric: http.server.active_requests, attributes: {service.name: shop}"),
      ])
    defer { daemon.process.kill() }
    let url = "http://127.0.0.1:\(http)/v1/metrics"
    let shop = try ChildProcess(Repository.python, "-c", Self.sender, url, "shop", "CUMULATIVE")
    let blog = try ChildProcess(Repository.python, "-c", Self.sender, url, "blog", "DELTA")
    defer {
      shop.kill()
      blog.kill()
    }
    try await eventually("the loads") {
      for workload in ["shop", "blog"] {
        guard let load = await Daemon.metric(http, #"kedastral_measured_load{workload="\#(workload)"}"#) else {
          return false
        }
        guard (90...110).contains(load) else { return false }
      }
      return await Daemon.metric(http, #"kedastral_measured_load{workload="open"}"#) == 7
    }
    #expect(daemon.lines("pushed points are refused").isEmpty, "\(daemon.process.output)\(shop.output)\(blog.output)")
  }

  @Test("refuses a sender without the token")
  func token() async throws {
    let folder = try TemporaryFolder()
    let (daemon, http) = try await forecaster(folder, sources: [("shop", "type: otlp, metric: m")])
    defer { daemon.process.kill() }
    for (token, status) in [("wrong", "401"), ("s3cret", "200")] {
      let request = try ChildProcess(
        "curl", "--silent", "--output", "/dev/null", "--write-out", "%{http_code}", "--header",
        "Authorization: Bearer \(token)", "--json", "{}", "http://127.0.0.1:\(http)/v1/metrics")
      _ = try await request.waitForExit()
      #expect(request.output == status)
    }
  }

  @Test("check says that nothing can be requested of a source that receives points")
  func check() async throws {
    let trace = try PlayedTrace { _ in 300 }
    try trace.configure("  - {name: shop, source: {type: otlp, metric: requests}}")
    let outcome = try await Daemon.run("kedastral", ["check", "-config", trace.file])
    #expect(outcome.exitCode == 0, "\(outcome.output)")
    #expect(outcome.output.contains("not asked"))
    #expect(
      outcome.output.contains("requests: nothing was requested; senders post it to /v1/metrics of the forecaster"))
  }
}
