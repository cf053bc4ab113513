// One application, forecast in its own process: the page at http://localhost:8081, KEDA's scaler at port 50051.
import Foundation
import Kedastral
import KedastralTesting

/// The application's load. A real one reads its own counters here, or uses a `PrometheusSource`.
struct Requests: MetricSource {
  /// 100 requests per second, and 600 for ten minutes from each full hour.
  let pattern = LoadPattern.hourlySpike(base: 100, peak: 600)

  func samples(in range: Range<Date>, step: Duration) -> TimeSeries {
    .sampled(in: range, step: step) { pattern.load(at: $0) }
  }
}

let settings = ProcessInfo.processInfo.environment
let host = settings["HOST"] ?? ""
exit(
  await KedastralService.main {
    let app = try Workload(
      "simple-app", metric: "requests per second", source: Requests(), model: .auto,
      policy: .standard(targetPerPod: 50, headroom: 1.2, minReplicas: 2, maxReplicas: 20), window: .seconds(86_400))
    return KedastralService(
      workloads: [app], scaler: .init(host: host, port: UInt16(settings["SCALER_PORT"] ?? "") ?? 50051),
      http: .init(host: host, port: UInt16(settings["PORT"] ?? "") ?? 8081))
  })
