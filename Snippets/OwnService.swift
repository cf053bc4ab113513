// A service that forecasts a load of your own, keeps plans in Redis, and serves KEDA and a page.
// snippet.show
import Foundation
import Kedastral

struct Tills: MetricSource {
  func samples(in range: Range<Date>, step: Duration) -> TimeSeries {
    .sampled(in: range, step: step) { customers(at: $0) }
  }
}

let shop = try Workload(
  "shop", metric: "customers", source: Tills(), model: .auto, policy: .standard(targetPerPod: 20))
try await KedastralService(
  workloads: [shop], store: .redis(url: "redis://localhost:6379"), scaler: .init(port: 50051), http: .init(port: 8081)
).run()
// snippet.hide

/// Where your numbers come from; here a shop that is full for half of each hour.
func customers(at instant: Date) -> Double {
  instant.timeIntervalSince1970.truncatingRemainder(dividingBy: 3600) < 1800 ? 300 : 40
}
