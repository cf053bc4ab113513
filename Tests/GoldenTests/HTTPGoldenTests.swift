import Foundation
import KedastralCore
import KedastralHTTP
import KedastralNet
import KedastralTesting
import TestSupport
import Testing

/// A forecaster's HTTP server whose clock stands still, and which has planned once.
struct StandingForecaster {
  /// Forecasts a rise of ten a step over the last load, and quantiles above it.
  private struct Stairs: Model {
    let name = "stairs"

    func forecast(_ history: TimeSeries, steps: Int, quantiles: [Double]) throws -> Forecast {
      let values = (1...steps).map { (history.lastPresent ?? 0) + 10 * Double($0) }
      return Forecast(
        start: history.end, step: history.step, values: values,
        quantiles: Quantiles(quantiles.map { level in .init(level: level, values: values.map { $0 + 40 * level }) }),
        model: name)
    }
  }

  let url: String
  private let server: ForecastHTTPServer

  init(at now: Date) async throws {
    let clock = ManualClock(at: now)
    let workload = Workload(
      name: try WorkloadName("api-app"), metric: "rps", source: ScriptedSource { _ in 100 }, model: Stairs(),
      policy: try StandardCapacityPolicy(targetPerPod: 20, quantileLevel: 0.75, maxReplicas: 12),
      horizon: .seconds(600), window: .seconds(900), quantileLevels: [0.5, 0.75])
    let store = RecordingStore(clock: clock)
    let loop = ForecastLoop(workload, store: store, clock: clock)
    try await loop.tick()
    let kept = Kept(series: await loop.history, planned: await loop.record)
    server = try await ForecastHTTPServer(
      HTTPServerSettings(address: ListenAddress(host: "127.0.0.1", port: 0)), on: EventLoop(), clock: clock,
      leadTime: .seconds(300), interval: { _ in .seconds(30) }, metrics: MetricsRegistry(),
      readiness: Readiness(problems: [:]), history: kept, records: kept,
      scorecards: try await Self.scorecards(of: workload, until: now))
    url = "http://127.0.0.1:\(server.address.port)"
    let (updates, feed) = AsyncStream.makeStream(of: StoreUpdate.self)
    for snapshot in store.puts { feed.yield(.put(snapshot)) }
    feed.finish()
    await server.follow(updates)
  }

  /// The scorecard after forty rounds.
  private static func scorecards(of workload: Workload, until now: Date) async throws -> Scorecards {
    let clock = ManualClock(at: now - .seconds(40 * 60))
    let board = Scorecards(ScorecardSettings(price: 0.04))
    let loop = ForecastLoop(
      workload, store: RecordingStore(clock: clock), clock: clock, metrics: MetricsRegistry(), scorecards: board)
    for _ in 0..<40 {
      clock.advance(by: .seconds(60))
      try await loop.tick()
    }
    return board
  }

  /// What the loop knew, for the server.
  private struct Kept: LoadHistory, PlanRecords {
    let series: TimeSeries?
    let planned: PlanRecord?
    func history(of workload: WorkloadName) async -> TimeSeries? { series }
    func record(of plan: Snapshot) async -> PlanRecord? { planned }
  }

  func get(_ path: String) async throws -> JSONDocument { try JSONDocument(json: await Kedastral.get(url + path)) }

  func close() async { await server.shutdown(within: .zero) }
}

@Suite("Golden: the forecaster's HTTP API")
struct HTTPGoldenTests {
  @Test("each document has the recorded content for the same plan at the same time")
  func documents() async throws {
    let forecaster = try await StandingForecaster(at: Date(timeIntervalSince1970: 1_769_860_800))
    for (name, path) in [
      ("http-forecast", "/forecast/current?workload=api-app"), ("http-workloads", "/workloads"),
      ("http-history", "/history?workload=api-app&points=5"), ("http-explain", "/explain?workload=api-app"),
      ("http-scorecard", "/scorecard?workload=api-app"), ("http-scorecards", "/scorecard"),
      ("http-explain-lead", "/explain?workload=api-app&leadTime=1m"),
      ("http-whatif", "/whatif?workload=api-app&targetPerPod=50&headroom=1.5&min=2&max=6&leadTime=2m"),
    ] {
      try Golden.check(name, await forecaster.get(path))
    }
    await forecaster.close()
  }
}
