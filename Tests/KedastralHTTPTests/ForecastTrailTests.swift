import Foundation
import KedastralCore
import TestSupport
import Testing

@testable import KedastralHTTP

@Suite("Forecasts made one lead time before")
struct ForecastTrailTests {
  private func plan(at instant: Date, base: Double, levels: [Double] = [0.1, 0.5, 0.9]) throws -> Snapshot {
    let values = (0..<30).map { base + Double($0) }
    return try Snapshot(
      workload: try WorkloadName("api"), metric: "rps", generatedAt: instant, step: .seconds(60),
      horizon: .seconds(1800), values: values, desiredReplicas: Array(repeating: 1, count: 30),
      quantiles: Quantiles(levels.map { level in .init(level: level, values: values.map { $0 + 10 * (level - 0.5) }) }))
  }

  @Test("keeps the forecast for one lead time ahead, once for each step, with the outermost quantiles")
  func steps() throws {
    var trail = ForecastTrail()
    for round in 0..<6 {
      trail.record(
        try plan(at: TestServer.noon + .seconds(30 * round), base: 100 + Double(round)), leadTime: .seconds(300))
    }
    #expect(trail.entries.map { Double($0.second) - TestServer.noon.timeIntervalSince1970 } == [360, 420, 480])
    #expect(trail.entries.map(\.value) == [105, 107, 109])
    #expect(trail.entries.map(\.lower) == [101, 103, 105] && trail.entries.map(\.upper) == [109, 111, 113])
    var other = ForecastTrail()
    other.record(try plan(at: TestServer.noon, base: 1, levels: [0.5]), leadTime: .zero)
    #expect(other.entries[0].lower.isNaN && other.entries[0].upper.isNaN)
    #expect(other.entries[0].value == 1)
  }

  @Test("keeps every step of six hours and one forecast an hour before that, within a bound")
  func bounded() throws {
    var trail = ForecastTrail()
    for minute in 0..<20_000 {
      trail.record(try plan(at: TestServer.noon + .seconds(60 * minute), base: Double(minute)), leadTime: .seconds(60))
    }
    let entries = trail.entries
    #expect(entries.count == ForecastTrail.steps + ForecastTrail.hours)
    #expect(MemoryLayout<ForecastTrail.Entry>.stride == 16)
    let distances = zip(entries, entries.dropFirst()).map { $1.second - $0.second }
    #expect(distances.prefix(ForecastTrail.hours - 1).allSatisfy { $0 == 3600 })
    #expect(distances.suffix(ForecastTrail.steps - 1).allSatisfy { $0 == 60 })
  }

  @Test("the history has them, with null where a forecast has no such quantile, by the plan's own lead time")
  func document() async throws {
    let server = try await TestServer()
    server.measure("api", [10, 20])
    var first = try plan(at: TestServer.noon - .seconds(600), base: 100)
    first.leadTime = WorkloadLeadTime(.seconds(60))
    try await server.apply(.put(first), .put(plan(at: TestServer.noon, base: 200, levels: [0.5])))
    let answer = try await curl(server.url + "/history?workload=api").body
    let noon = Int(TestServer.noon.timeIntervalSince1970) * 1000
    #expect(
      answer.hasSuffix(#""forecasts":[[\#(noon - 480_000),101,97,105],[\#(noon + 360_000),205,null,null]]}"#),
      "\(answer)")
    await server.shutdown()
  }
}
