// One application, forecast in its own process: the page at http://localhost:8081, KEDA's scaler at port 50051.
import FoundationEssentials
import Glibc
import KedastralCore
import KedastralGRPC
import KedastralHTTP
import KedastralMemoryStore
import KedastralModels
import KedastralNet
import KedastralTesting

/// The application's load. A real one reads its own counters here, or a `PrometheusSource`.
struct Requests: MetricSource {
  /// 100 requests per second, and 600 for ten minutes from each full hour.
  let pattern = LoadPattern.hourlySpike(base: 100, peak: 600)

  func samples(in range: Range<Date>, step: Duration) async throws -> TimeSeries {
    var series = TimeSeries.missing(in: range, step: step)
    for index in series.values.indices { series.values[index] = pattern.load(at: series.instant(at: index)) }
    return series
  }
}

/// The data that the page shows in addition to the plan: the measured load, and the reasons for the plan.
struct Insight: LoadHistory, PlanRecords {
  let forecaster: Forecaster
  func history(of workload: WorkloadName) async -> TimeSeries? { await forecaster.loop(of: workload)?.history }
  func record(of plan: Snapshot) async -> PlanRecord? { await forecaster.loop(of: plan.workload)?.record(of: plan) }
}

let settings = ProcessInfo.processInfo.environment
let app = Workload(
  name: try WorkloadName("simple-app"), metric: "requests per second", source: Requests(), model: AutoModel(),
  policy: try StandardCapacityPolicy(targetPerPod: 50, headroom: 1.2, minReplicas: 2, maxReplicas: 20),
  window: .seconds(86_400))
let store = MemoryStore()
let forecaster = Forecaster(store: store)
let metrics = MetricsRegistry()
let insight = Insight(forecaster: forecaster)

let loop = try EventLoop()
let page = try await ForecastHTTPServer(
  HTTPServerSettings(address: try ListenAddress(settings["LISTEN"] ?? ":8081")), on: loop, leadTime: .seconds(300),
  interval: { _ in app.interval }, metrics: metrics, readiness: Readiness(), history: insight, records: insight)
let scaler = ScalerServer(address: try ListenAddress(settings["SCALER_LISTEN"] ?? ":50051"), metrics: metrics)
print("the page at \(page.address), KEDA's scaler at \(try await scaler.start()); Ctrl-C ends it")
fflush(nil)

let work = Task {
  async let shown: Void = page.follow(store.updates())
  async let served: Void = scaler.follow(store.updates())
  await scaler.setReady(true)
  await forecaster.run([app])
  await shown
  await served
}
let signals = try await loop.run {
  LoopBound(SignalWatcher(on: loop, signals: [SIGINT, SIGTERM]) { _ in work.cancel() }, to: loop)
}
await work.value
await scaler.shutdown(within: .seconds(5))
await page.shutdown()
