// A forecaster and KEDA scaler with a source, a model and a policy of its own, and plans in Redis.
// snippet.show
import Foundation
import Kedastral

/// Where the load comes from: customers in a shop.
struct Tills: MetricSource {
  func samples(in range: Range<Date>, step: Duration) -> TimeSeries {
    .sampled(in: range, step: step) { customers(at: $0) }
  }
}

/// How it is forecast: the load of an hour ago.
struct LastHour: Model {
  let name = "last-hour"

  func forecast(_ history: TimeSeries, steps: Int, quantiles: [Double]) throws -> Forecast {
    let hour = history.steps(in: .seconds(3600))
    guard history.count >= hour else { throw ModelError.notEnoughHistory(needed: hour, present: history.count) }
    let known = history.repairingGaps(season: hour).series.values
    let values = (0..<steps).map { known[known.count - hour + $0 % hour] }
    return Forecast(start: history.end, step: history.step, values: values, model: name)
  }
}

/// How many pods that takes: spread over three zones, of which any two carry the load.
struct ThreeZones: CapacityPolicy {
  let targetPerPod: Double

  func plan(_ forecast: Forecast, from state: CapacityState) -> CapacityPlan {
    CapacityPlan(
      steps: forecast.values.map { load in
        let need = Int((load / targetPerPod).rounded(.up))
        return CapacityPlan.Step(load: load, need: need, replicas: max(1, (need + 1) / 2) * 3)
      })
  }
}

let settings = ProcessInfo.processInfo.environment
exit(
  await KedastralService.main {
    let shop = try Workload(
      "shop", metric: "customers", source: Tills(), model: LastHour(), policy: ThreeZones(targetPerPod: 20),
      window: .seconds(2 * 3600))
    return KedastralService(
      workloads: [shop], store: .redis(url: settings["REDIS_URL"] ?? "redis://localhost:6379"),
      scaler: .init(host: settings["HOST"] ?? "", port: UInt16(settings["PORT"] ?? "") ?? 50051), http: nil)
  })
// snippet.hide

/// Where your numbers come from; here a shop that is full for half of each hour.
func customers(at instant: Date) -> Double {
  instant.timeIntervalSince1970.truncatingRemainder(dividingBy: 3600) < 1800 ? 300 : 40
}
