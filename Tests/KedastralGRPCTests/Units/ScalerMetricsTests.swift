import Foundation
import KedastralCore
import Testing

@testable import KedastralGRPC

@Suite("Series of workloads, written by several loops")
struct ScalerMetricsTests {
  private static let now = Date(timeIntervalSince1970: 1_800_000_000)

  private let registry = MetricsRegistry()
  private let loops: [ScalerMetrics]

  init() {
    let series = ScalerSeries(registry)
    loops = (0..<3).map { [registry] _ in ScalerMetrics(registry, series) }
  }

  private func answer(_ loop: Int, _ replicas: Double, at now: Date = now) {
    loops[loop].series(of: "api", at: now).replicas.set(replicas)
  }

  /// What is exported of the workload.
  private var exported: [Double] {
    registry.all.first { $0.name == "kedastral_scaler_desired_replicas_returned" }?.all.map(\.value) ?? []
  }

  @Test("loops that answer for a workload write one series")
  func shared() {
    for loop in loops.indices { answer(loop, Double(loop)) }
    #expect(exported == [2])
    answer(0, 7)
    #expect(exported == [7])
  }

  @Test("the series ends when the last loop has heard that the workload is gone", arguments: [[0, 1, 2], [2, 0, 1]])
  func removed(order: [Int]) {
    for loop in loops.indices { answer(loop, 4) }
    for loop in order {
      #expect(exported == [4])
      loops[loop].remove("api")
    }
    #expect(exported.isEmpty)
    for loop in loops { loop.remove("api") }
    #expect(exported.isEmpty, "a removal that is repeated")
  }

  @Test("a loop that hears late that a workload was gone leaves the series of one that answers for it again")
  func returned() {
    for loop in loops.indices { answer(loop, 4) }
    loops[0].remove("api")
    answer(0, 5)
    loops[1].remove("api")
    loops[2].remove("api")
    #expect(exported == [5])
    answer(1, 6)
    #expect(exported == [6])
    loops[0].remove("api")
    #expect(exported == [6])
    loops[1].remove("api")
    #expect(exported.isEmpty)
  }

  @Test("a workload that KEDA has not requested for ten minutes has no series, since no age is current")
  func unused() {
    for loop in [0, 1] { answer(loop, 4) }
    answer(1, 5, at: Self.now + .seconds(300))
    for loop in loops { loop.removeUnused(at: Self.now + .seconds(601)) }
    #expect(exported == [5], "the other loop was asked meanwhile")
    for loop in loops { loop.removeUnused(at: Self.now + .seconds(901)) }
    #expect(exported.isEmpty)
    answer(0, 6, at: Self.now + .seconds(902))
    #expect(exported == [6])
  }
}
