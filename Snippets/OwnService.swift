// A forecaster and KEDA scaler in a service of one's own, with plans in Redis. It runs until it is stopped.
// snippet.hide
import FoundationEssentials
// snippet.show
import KedastralCore
import KedastralGRPC
import KedastralNet
import KedastralRedisStore

struct Tills: MetricSource {
  func samples(in range: Range<Date>, step: Duration) async throws -> TimeSeries {
    var series = TimeSeries.missing(in: range, step: step)
    for index in series.values.indices { series.values[index] = customers(at: series.instant(at: index)) }
    return series
  }
}

struct WholeRacks: CapacityPolicy {
  let targetPerPod = 20.0
  var quantileLevel: Double? { 0.9 }

  func plan(_ forecast: Forecast, from state: CapacityState) -> CapacityPlan {
    let loads = forecast.quantiles[0.9] ?? forecast.values
    return CapacityPlan(
      steps: loads.map { load in
        let need = Int((load / targetPerPod).rounded(.up))
        return CapacityPlan.Step(load: load, need: need, replicas: (need + 3) / 4 * 4)
      })
  }
}

let store = try await RedisStore(.init(url: "redis://localhost:6379"), on: EventLoop())
let shop = Workload(
  name: try WorkloadName("shop"), metric: "customers", source: Tills(), model: AutoModel(), policy: WholeRacks())
let scaler = ScalerServer(address: try ListenAddress(":50051"), metrics: MetricsRegistry())
print("serving KEDA on \(try await scaler.start())")
async let serving: Void = scaler.follow(store.updates())
await scaler.setReady(true)
await Forecaster(store: store).run([shop])
await serving
// snippet.hide

/// Where your numbers come from; here a shop that is full for half of each hour.
func customers(at instant: Date) -> Double {
  instant.timeIntervalSince1970.truncatingRemainder(dividingBy: 3600) < 1800 ? 300 : 40
}
