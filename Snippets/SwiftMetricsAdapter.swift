// Numbers of each plan to swift-metrics. The type at the end stands in for swift-metrics' interface, which cannot be fetched here.
import Kedastral
import KedastralMemoryStore

// snippet.show
func record(plansOf store: any ForecastStore) async {
  for await case .put(let plan) in store.updates() {
    let labels = [("workload", plan.workload.text)]
    Gauge(label: "kedastral_planned_replicas", dimensions: labels).record(plan.desiredReplicas[0])
    if let load = plan.currentValue { Gauge(label: "kedastral_measured_load", dimensions: labels).record(load) }
  }
}
// snippet.hide

let store = MemoryStore()
let recording = Task { await record(plansOf: store) }
recording.cancel()
await recording.value

/// Stands in for swift-metrics' `Gauge`.
struct Gauge {
  let label: String
  let dimensions: [(String, String)]
  init(label: String, dimensions: [(String, String)]) { (self.label, self.dimensions) = (label, dimensions) }
  func record(_ value: some BinaryInteger) { print(label, dimensions, value) }
  func record(_ value: some BinaryFloatingPoint) { print(label, dimensions, value) }
}
