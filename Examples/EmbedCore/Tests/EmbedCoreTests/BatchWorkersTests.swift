import FoundationEssentials
import KedastralCore
import Testing

@testable import EmbedCore

@Suite("Workers in batches")
struct BatchWorkersTests {
  @Test("the need is rounded up to whole batches", arguments: [(0.0, 0), (1, 4), (200, 4), (201, 8), (400, 8)])
  func batches(load: Double, workers: Int) {
    let forecast = Forecast(
      start: Date(timeIntervalSince1970: 0), step: .seconds(60), values: [load], model: "scripted")
    let plan = BatchWorkers(targetPerPod: 50, batch: 4).plan(forecast, from: .unknown)
    #expect(plan.replicas == [workers])
  }
}
