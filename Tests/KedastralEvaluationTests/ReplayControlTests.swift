import Foundation
import KedastralCore
import TestSupport
import Testing

@testable import KedastralEvaluation

@Suite("Controls of a replay")
struct ReplayControlTests {
  private func history(_ values: [Double]) -> TimeSeries {
    TimeSeries(start: Date(timeIntervalSince1970: 600), step: .seconds(60), values: values)
  }

  @Test("persistence forecasts the last value, and its quantiles are those of the changes over as many steps")
  func persistence() throws {
    let forecast = try ControlModel.persistence.forecast(history([0, 1, 2, 3, 4, 5]), steps: 2, quantiles: [0.5])
    #expect(forecast.values == [5, 5])
    #expect(forecast.quantiles[0.5] == [6, 7])
  }

  @Test("extrapolation continues the line of the last five steps, and never below zero")
  func extrapolation() throws {
    let rising = try ControlModel.extrapolation.forecast(history([0, 2, 4, 6, 8, 10]), steps: 3, quantiles: [])
    #expect(rising.values == [12, 14, 16])
    let falling = try ControlModel.extrapolation.forecast(history([10, 8, 6, 4, 2, 0]), steps: 2, quantiles: [])
    #expect(falling.values == [0, 0])
  }

  @Test("a history without a sample is not forecast")
  func empty() {
    #expect(throws: ModelError.self) {
      try ControlModel.persistence.forecast(history([.nan]), steps: 1, quantiles: [])
    }
  }

  /// The replicas at one sync, for pods that can serve 10 each, of which half is the target.
  private func replicas(load: Double, ready: Int, ordered: Int, countsUnready: Bool) -> Int {
    var policy = ReactivePolicy(
      utilization: 0.5, podCapacity: 10, behavior: .init(scaleDownStabilization: .zero), countsUnready: countsUnready)
    return policy.desiredReplicas(
      ReplayView(
        now: Date(timeIntervalSince1970: 0), sync: 0, observedLoad: load, orderedPods: ordered, readyPods: ready))
  }

  @Test("an hpa that counts starting pods neither removes one on a rise nor adds one within the tolerance")
  func unready() {
    // Four ready pods use 1.5 times the target; with the eight that start it is half of it.
    #expect(replicas(load: 30, ready: 4, ordered: 12, countsUnready: false) == 6)
    #expect(replicas(load: 30, ready: 4, ordered: 12, countsUnready: true) == 12)
    // With those that start, 1.05 times the target is within the tolerance.
    #expect(replicas(load: 105, ready: 10, ordered: 20, countsUnready: false) == 21)
    #expect(replicas(load: 105, ready: 10, ordered: 20, countsUnready: true) == 20)
  }

  @Test(
    "without starting pods, and on a fall, counting unready pods changes nothing",
    arguments: [(60.0, 4, 4), (10, 4, 6)])
  func same(load: Double, ready: Int, ordered: Int) {
    #expect(
      replicas(load: load, ready: ready, ordered: ordered, countsUnready: true)
        == replicas(load: load, ready: ready, ordered: ordered, countsUnready: false))
  }
}
