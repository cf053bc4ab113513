import Foundation
import TestSupport
import Testing

@testable import KedastralCore

@Suite("Shortage cost", .numeric)
struct ShortageCostTests {
  /// Loads between 0 and 100, all equally likely.
  private static let even = forecast(Quantiles.fineLevels.map { 100 * $0 }, median: 50)

  private static func forecast(_ quantiles: [Double], median: Double) -> Forecast {
    Forecast(
      start: Date(timeIntervalSince1970: 0), step: .seconds(60), values: [median],
      quantiles: Quantiles(zip(Quantiles.fineLevels, quantiles).map { .init(level: $0, values: [$1]) }), model: "test")
  }

  private func pods(_ cost: Double, _ forecast: Forecast = even, present: Double? = nil) throws -> Int {
    let policy = try StandardCapacityPolicy(
      targetPerPod: 10, shortageCost: ShortageCost(podMinutes: cost), minReplicas: 0, upMaxFactor: 1000)
    return policy.plan(forecast, from: CapacityState(currentLoad: present)).replicas[0]
  }

  @Test("adds a pod as long as it saves more than it costs")
  func byHand() throws {
    // Each pod serves a tenth of the loads: it pays from ten pod-minutes a short minute on.
    #expect(try pods(8) == 5)
    #expect(try pods(20) == 10)
  }

  @Test("with a confident forecast, no extra pod is planned unless a shortage is much more expensive than pods")
  func sure() throws {
    let sure = Self.forecast(Quantiles.fineLevels.map { _ in 100 }, median: 100)
    #expect(try pods(30, sure) == 10)
    #expect(try pods(3000, sure) > 12)
  }

  @Test("the chosen number of pods has the lowest cost", arguments: [3, 12, 40, 200, 1000])
  func optimal(cost: Double) throws {
    let quantiles = [5, 20, 40, 44, 50, 55, 61, 70, 85, 120, 150, 210, 260].map(Double.init)
    let forecast = Self.forecast(quantiles, median: 40)
    func chance(above load: Double) -> Double {
      if load >= 260 { return 0.005 * exp((260 - load) * log(5) / (260 - 150)) }
      guard let upper = quantiles.firstIndex(where: { $0 > load }), upper > 0 else {
        return 1 - 0.1 * max(0, 1 - (5 - load) / 30)
      }
      let share = (load - quantiles[upper - 1]) / (quantiles[upper] - quantiles[upper - 1])
      return 1 - Quantiles.fineLevels[upper - 1] - share
        * (Quantiles.fineLevels[upper] - Quantiles.fineLevels[upper - 1])
    }
    func expectedCost(_ pods: Int) -> Double {
      let surprise = pods <= 4 ? 1 : pow(40 / (10 * Double(pods)), 5)
      return Double(pods) + cost * (0.97 * chance(above: 10 * Double(pods)) + 0.03 * surprise)
    }
    let chosen = try pods(cost, forecast)
    #expect((4...60).allSatisfy { expectedCost(chosen) <= expectedCost($0) + 1e-9 })
  }

  @Test("a higher shortage cost never results in fewer pods, and a current load above the forecast results in more")
  func monotone() throws {
    let byCost = try [1, 5, 9, 10, 12, 20, 50, 200, 1000, 1e6].map { try pods($0) }
    #expect(byCost == byCost.sorted())
    #expect(try pods(100, present: 100) > pods(100, present: 40))
  }

  @Test("without quantiles the plan uses headroom, and says so")
  func withoutQuantiles() throws {
    let policy = try StandardCapacityPolicy(
      targetPerPod: 10, headroom: 1.5, shortageCost: ShortageCost(podMinutes: 30))
    let plan = policy.plan(
      Forecast(start: .distantPast, step: .seconds(60), values: [100], model: "test"), from: .unknown)
    #expect(plan.steps[0].replicas == 15)
    #expect(plan.steps[0].margin == .headroom(1.5))
  }

  @Test("a load beyond the maximum replicas ends the search at once")
  func huge() throws {
    let forecast = Self.forecast(Quantiles.fineLevels.map { 1e300 * $0 }, median: 5e299)
    #expect(try pods(1e9, forecast) == 100)
  }
}
