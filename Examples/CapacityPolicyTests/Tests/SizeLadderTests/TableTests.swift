import FoundationEssentials
import KedastralCore
import Testing

// snippet.show
@Suite("By tables: what is planned for given loads")
struct TableTests {
  @Test(
    "the smallest size that is enough",
    arguments: [(0.0, 2), (100, 2), (101, 4), (200, 4), (201, 8), (800, 16), (5000, 16)])
  func sizes(load: Double, size: Int) {
    #expect(plan([load]) == [size])
  }

  @Test(
    "up at once, down when the rest of the forecast allows it",
    arguments: [
      (from: 2, loads: [300.0, 300, 300], sizes: [8, 8, 8]),
      (from: 8, loads: [50, 50, 50], sizes: [2, 2, 2]),
      // A later rise does not scale up now …
      (from: 2, loads: [50, 50, 300], sizes: [2, 2, 8]),
      // … but prevents scaling down before it.
      (from: 8, loads: [50, 50, 300], sizes: [8, 8, 8]),
      (from: 16, loads: [50, 150, 50], sizes: [4, 4, 2]),
    ])
  func course(from: Int, loads: [Double], sizes: [Int]) {
    #expect(plan(loads, from: from) == sizes)
  }

  @Test("the quantile is planned for where the forecast has it, else the forecast itself")
  func quantile() {
    var forecast = Forecast(start: start, step: .seconds(60), values: [90], model: "scripted")
    #expect(policy.plan(forecast, from: .unknown).replicas == [2])
    forecast.quantiles = Quantiles([.init(level: 0.9, values: [130])])
    #expect(policy.plan(forecast, from: .unknown).replicas == [4])
  }
}
