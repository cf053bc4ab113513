import Foundation
import KedastralCore
import TestSupport
import Testing

@testable import KedastralHTTP

@Suite("Forecasts as series")
struct ForecastSeriesTests {
  private let series = ForecastSeries(
    ahead: [.seconds(1200), .seconds(300), .seconds(300)], quantiles: [0.9, 0.5, 0.99])

  /// The lines of `/metrics` with a forecast.
  private func lines(_ server: TestServer) async throws -> [String] {
    try await curl(server.url + "/metrics").body.split(separator: "\n").map(String.init)
      .filter { $0.hasPrefix("kedastral_forecast{") || $0.hasPrefix("kedastral_forecast_required_replicas{") }
  }

  @Test("exports the forecast, its quantiles and the required replicas at each distance from the scrape")
  func values() async throws {
    let server = try await TestServer(series: series)
    server.health.configure(try ["api"].map { try WorkloadName($0) })
    var plan = try TestServer.snapshot("api", base: 100, peak: 400)
    plan.values = (0..<60).map { 100 + Double($0) }
    plan.quantiles = Quantiles([
      .init(level: 0.5, values: plan.values), .init(level: 0.9, values: plan.values.map { $0 + 1000 }),
    ])
    plan.requiredReplicas = (0..<60).map { $0 == 10 ? 50 : $0 }
    try await server.apply(.put(plan), .put(TestServer.snapshot("elsewhere")))
    // Five minutes from noon the sixth step begins, with five steps before it. The plan has no quantile 0.99.
    let first = try await lines(server)
    #expect(
      first == [
        #"kedastral_forecast{workload="api",ahead="20m",level=""} 120"#,
        #"kedastral_forecast{workload="api",ahead="20m",level="0.5"} 120"#,
        #"kedastral_forecast{workload="api",ahead="20m",level="0.9"} 1120"#,
        #"kedastral_forecast{workload="api",ahead="5m",level=""} 105"#,
        #"kedastral_forecast{workload="api",ahead="5m",level="0.5"} 105"#,
        #"kedastral_forecast{workload="api",ahead="5m",level="0.9"} 1105"#,
        #"kedastral_forecast_required_replicas{workload="api",ahead="20m"} 50"#,
        #"kedastral_forecast_required_replicas{workload="api",ahead="5m"} 4"#,
      ])
    // The distance counts from the scrape, not from the plan.
    server.clock.advance(by: .seconds(60))
    #expect(try await lines(server).contains(#"kedastral_forecast{workload="api",ahead="5m",level=""} 106"#))

    // A plan with other quantiles and without required replicas.
    plan = try TestServer.snapshot("api", at: server.clock.now, base: 100, peak: 100)
    plan.quantiles = Quantiles([.init(level: 0.99, values: plan.values)])
    try await server.apply(.put(plan))
    #expect(
      try await lines(server).map { $0.split(separator: " ")[0] } == [
        #"kedastral_forecast{workload="api",ahead="20m",level=""}"#,
        #"kedastral_forecast{workload="api",ahead="20m",level="0.99"}"#,
        #"kedastral_forecast{workload="api",ahead="5m",level=""}"#,
        #"kedastral_forecast{workload="api",ahead="5m",level="0.99"}"#,
      ])
    let check = try ChildProcess("sh", "-c", "curl -sf '\(server.url)/metrics' | promtool check metrics")
    #expect(try await check.waitForExit() == 0 && check.output.isEmpty, "\(check.output)")
    try await server.apply(.removed(WorkloadName("api")))
    #expect(try await lines(server).isEmpty)
    await server.shutdown()
  }

  @Test("exports nothing of a workload that does not ask for it, and drops the series of one that no longer does")
  func optIn() throws {
    let registry = MetricsRegistry()
    let metrics = ForecastSeriesMetrics(registry)
    let plan = try TestServer.snapshot("api")
    func count() -> Int { registry.all.reduce(0) { $0 + $1.all.count } }
    metrics.publish(nil, of: plan, at: plan.generatedAt)
    metrics.publish(ForecastSeries(ahead: [], quantiles: [0.9]), of: plan, at: plan.generatedAt)
    #expect(count() == 0)
    metrics.publish(series, of: plan, at: plan.generatedAt)
    #expect(count() == 6)
    metrics.publish(ForecastSeries(ahead: [.seconds(60)], quantiles: []), of: plan, at: plan.generatedAt)
    #expect(count() == 1)
    metrics.publish(nil, of: plan, at: plan.generatedAt)
    #expect(count() == 0)
  }
}
