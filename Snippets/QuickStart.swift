// A forecast of your own load, planned and stored, in one process.
// snippet.show
import Foundation
import KedastralCore
import KedastralMemoryStore
import KedastralModels

struct Orders: MetricSource {
  func samples(in range: Range<Date>, step: Duration) -> TimeSeries {
    .sampled(in: range, step: step) { ordersPerSecond(at: $0) }
  }
}

let shop = try Workload(
  "shop", metric: "orders per second", source: Orders(), model: .baseline,
  policy: .standard(targetPerPod: 50, maxReplicas: 20))
let snapshot = try await ForecastLoop(shop, store: MemoryStore()).tick()
print("pods for the next half hour:", snapshot.desiredReplicas)
// snippet.hide

/// Where your numbers come from; here 100, and 600 in the first ten minutes of each hour.
func ordersPerSecond(at instant: Date) -> Double {
  instant.timeIntervalSince1970.truncatingRemainder(dividingBy: 3600) < 600 ? 600 : 100
}
