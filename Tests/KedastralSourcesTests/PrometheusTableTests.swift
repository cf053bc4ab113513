import Foundation
import KedastralCore
import TestSupport
import Testing

@testable import KedastralSources

@Suite("All series of a Prometheus query")
struct PrometheusTableTests {
  private static let start = Date(timeIntervalSince1970: 1_767_225_600)

  /// Four hours of minutes of three apps: 1, 2 and 3 times the minute; `b` has a gap.
  private static let openMetrics: String = {
    var lines = ["# TYPE load gauge"]
    for (factor, app) in ["a", "b", "c"].enumerated() {
      for minute in 0..<240 where app != "b" || minute < 60 || minute >= 120 {
        let time = Int(start.timeIntervalSince1970) + minute * 60
        lines.append("load{app=\"\(app)\",zone=\"eu\"} \((factor + 1) * minute) \(time)")
      }
    }
    return (lines + ["# EOF", ""]).joined(separator: "\n")
  }()

  @Test("series are read in parts, and only those with the most load when there are more than the limit")
  func read() async throws {
    let server = try await PrometheusServer(
      openMetrics: Self.openMetrics, arguments: ["--query.lookback-delta=30s"])
    defer { server.stop() }
    // More instants than one response may hold.
    let from = Self.start - .seconds(12_000 * 60)
    let range = from..<Self.start + .seconds(240 * 60)
    try await withClient { client in
      var shares: [Double] = []
      let all = try await PrometheusTable.read(
        "sum by (app) (load)", from: HTTPEndpoint(server.url), client: client, in: range, step: .seconds(60), limit: 5
      ) { shares.append($0) }
      #expect(all.series.map { $0.labels.map(\.value) } == [["a"], ["b"], ["c"]] && all.leftOut == 0)
      #expect(shares.count == 2 && shares.last == 1)
      for (index, series) in all.series.enumerated() {
        #expect(series.load.start == from && series.load.count == 12_240)
        #expect(series.load.values[..<12_000].allSatisfy { $0.isNaN })
        #expect(series.load.values[12_000 + 30] == Double((index + 1) * 30))
        #expect(series.load.values[12_000 + 90].isNaN == (index == 1))
        #expect(series.load.values[12_000 + 239] == Double((index + 1) * 239))
      }
      let one = try await PrometheusTable.read(
        "load", from: HTTPEndpoint(server.url), client: client, in: Self.start..<Self.start + .seconds(240 * 60),
        step: .seconds(60), limit: 1)
      #expect(one.series.count == 1 && one.leftOut == 2)
      #expect(one.series[0].labels.map { "\($0.key)=\($0.value)" } == ["app=c", "zone=eu"])
      let none = try await PrometheusTable.read(
        "nothing", from: HTTPEndpoint(server.url), client: client, in: range, step: .seconds(60), limit: 5)
      #expect(none.series.isEmpty)
      await #expect(throws: SourceError.self) {
        try await PrometheusTable.read(
          "sum(", from: HTTPEndpoint(server.url), client: client, in: range, step: .seconds(60), limit: 5)
      }
    }
  }

  @Test("a part holds so many points for each series that a response stays small")
  func parts() {
    #expect(PrometheusTable.partLength(series: 1) == 11_000)
    #expect(PrometheusTable.partLength(series: 200) == 2000)
    #expect(PrometheusTable.partLength(series: 100_000) == 60)
  }
}
