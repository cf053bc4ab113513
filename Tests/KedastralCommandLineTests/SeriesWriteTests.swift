import Foundation
import TestSupport
import Testing

@Suite("A forecaster that writes its forecasts to Prometheus")
struct SeriesWriteTests {
  @Test("the forecast is a series with the times that it is for, also after a restart")
  func prometheus() async throws {
    let folder = try TemporaryFolder()
    let port = freePort()
    let prometheus = try await PrometheusServer(port: port, arguments: ["--web.enable-remote-write-receiver"])
    defer { prometheus.stop() }
    let file = try folder.write(
      """
      seriesWrite: {url: 'http://127.0.0.1:\(port)/api/v1/write'}
      defaults:
        {metric: rps, model: baseline, step: 1s, interval: 1s, horizon: 5m, window: 10m,
         source: {url: 'http://127.0.0.1:\(port)', query: vector(42)}, policy: {targetPerPod: 10, headroom: 1}}
      workloads:
        - {name: written, series: {write: 2m}}
        - {name: quiet}
      """, to: "k.yaml")
    for run in 1...2 {
      let http = freePort()
      let daemon = try Daemon(
        "kedastral-forecaster", ["-config", file, "-listen", "127.0.0.1:\(http)", "-log-format", "json"])
      defer { daemon.process.kill() }
      try await eventually("samples to be written") {
        await Daemon.metric(http, #"kedastral_series_samples_total{result="written"}"#) ?? 0 > 0
      }
      let ahead = Int(Date().timeIntervalSince1970) + 100
      let query =
        "/api/v1/query?query=%7B__name__=~%22kedastral_forecast_load%7Ckedastral_forecast_replicas%22%7D&time=\(ahead)"
      let answer = await Daemon.get(port, query)
      #expect(
        answer.body.contains(#""workload":"written""#) && !answer.body.contains("quiet"), "\(run): \(answer.body)")
      #expect(answer.body.contains(#""42""#) && answer.body.contains(#""5""#), "\(run): \(answer.body)")
      #expect(daemon.lines("forecasts cannot be written").isEmpty, "\(daemon.process.output)")
    }
  }
}
