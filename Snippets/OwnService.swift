// A service that forecasts a load of your own, keeps plans in Redis, and serves KEDA and a page.
// snippet.show
import Foundation
import Kedastral

struct Tills: MetricSource {
  func samples(in range: Range<Date>, step: Duration) -> TimeSeries {
    .sampled(in: range, step: step) { 200 + 150 * sin($0.timeIntervalSince1970 / 600) }
  }
}

exit(
  await KedastralService.main {
    let shop = try Workload(
      "shop", metric: "customers", source: Tills(), model: .auto, policy: .standard(targetPerPod: 20))
    return KedastralService(
      workloads: [shop], store: .redis(url: "redis://localhost:6379"), scaler: .init(port: 50051),
      http: .init(port: 8081))
  })
