import Foundation
import KedastralCore
import KedastralGRPC
import Testing

@testable import KedastralSources

@Suite("Series of values that arrive one by one")
struct StepMeansTests {
  private let start = Date(timeIntervalSince1970: 1_800_000_000)
  private let minute = Duration.seconds(60)
  private let lag = ScalingTrigger(namespace: "shop", object: "orders", name: "lag")

  private func at(_ seconds: Double) -> Date { start.addingTimeInterval(seconds) }

  private func rounded(_ series: TimeSeries) -> [Double] { series.values.map { $0.isNaN ? -1 : $0 } }

  @Test("a value belongs to the step within which it lies, its end included, and a step without values is missing")
  func grid() {
    var means = StepMeans(step: minute, capacity: 10)
    for (seconds, value) in [(1.0, 10.0), (31, 20), (60, 60), (61, 7), (239, 8)] {
      means.add(value, at: at(seconds))
    }
    #expect(means.series.start == at(60))
    #expect(rounded(means.series) == [30, 7, -1, 8])
  }

  @Test("a late value corrects its step, and one that is older than eight steps is ignored")
  func late() {
    var means = StepMeans(step: minute, capacity: 100)
    means.add(10, at: at(600))
    means.add(30, at: at(590))
    means.add(5, at: at(480))
    means.add(9, at: at(30))
    #expect(means.series.start == at(480))
    #expect(rounded(means.series) == [5, -1, 20])
  }

  @Test("no more than the capacity and an eighth is kept")
  func capacity() {
    var means = StepMeans(step: minute, capacity: 80)
    for step in 1...1_000 { means.add(Double(step), at: at(Double(step) * 60)) }
    #expect((80...90).contains(means.series.count))
    #expect(means.series.values.last == 1_000)
  }

  @Test("begins again after a pause longer than the capacity and after the clock was set back")
  func jumps() {
    var means = StepMeans(step: minute, capacity: 10)
    means.add(1, at: at(0))
    means.add(2, at: at(86_400 * 10_000))
    #expect(rounded(means.series) == [2])
    means.add(3, at: at(60))
    #expect(rounded(means.series) == [3])
    #expect(means.series.start == at(60))
  }

  private func metric(_ value: Double, _ instant: Date?) -> RawMetric {
    RawMetric(trigger: lag, value: value, instant: instant)
  }

  @Test("values of one message are added up, and a repeated value counts once")
  func messages() {
    let values = TriggerValues(step: minute, capacity: 10)
    values.add([metric(1, at(10)), metric(4, at(10))], at: at(11))
    for arrival in [26.0, 41] { values.add([metric(5, at(10))], at: at(arrival)) }
    values.add([metric(7, at(40))], at: at(42))
    #expect(values.series.values == [6])
    #expect(values.arrivedAt == at(42))
  }

  @Test("a time that is missing or far from the clock is replaced by that of the arrival")
  func times() {
    let values = TriggerValues(step: minute, capacity: 1_000)
    let now = at(6_000)
    for instant in [nil, at(0), now + .seconds(61), Date(timeIntervalSince1970: 1), .distantFuture] {
      values.add([metric(3, instant)], at: now)
    }
    #expect(values.series == TimeSeries(start: now, step: minute, values: [3]))
    values.add([metric(8, now - .seconds(290))], at: now)
    #expect(values.series.count == 5)
  }

  @Test("values that are not finite, or so large that their sum would not be, are ignored")
  func overflow() {
    let values = TriggerValues(step: minute, capacity: 10)
    values.add([metric(1e308, nil), metric(-1.7e308, nil), metric(.nan, nil), metric(.infinity, nil)], at: at(0))
    #expect(values.series.isEmpty)
    #expect(values.arrivedAt == nil)
  }
}
