import Foundation
import Testing

@testable import KedastralCore

@Suite("Sample history")
struct SampleHistoryTests {
  private let noon = Date(timeIntervalSince1970: 1_769_860_800)
  private let minute = Duration.seconds(60)

  private func history(settleTime: Duration = .seconds(300)) -> SampleHistory {
    SampleHistory(step: minute, windowSteps: 400, settleTime: settleTime)
  }

  /// What a server that holds `load` answers to the history's next request.
  private func answer(
    _ history: SampleHistory, at end: Date, partial: Bool = false, _ load: (Date) -> Double
  ) -> MetricReading {
    let series = TimeSeries.sampled(in: history.range(upTo: end), step: minute, load: load)
    return MetricReading(series, partialFrom: partial ? series.start : nil)
  }

  @Test("a corrected sample replaces the first value")
  func correction() {
    var samples = history()
    samples.add(answer(samples, at: noon) { $0 == self.noon ? 50 : 100 }, upTo: noon)
    #expect(samples.series.values.last == 50)
    samples.add(answer(samples, at: noon) { _ in 100 }, upTo: noon)
    #expect(samples.series.values.suffix(3) == [100, 100, 100])
    #expect(samples.unsettledCount == 5)
  }

  @Test("a round reads only the samples of the settle time, however long the window is")
  func steadyRange() {
    var samples = history()
    samples.add(answer(samples, at: noon) { _ in 1 }, upTo: noon)
    let next = samples.range(upTo: noon + minute)
    #expect(next.lowerBound == noon - minute * 4)
    #expect(next.upperBound == noon + .seconds(90))
    var unsettled = history(settleTime: .zero)
    unsettled.add(answer(unsettled, at: noon) { _ in 1 }, upTo: noon)
    #expect(unsettled.range(upTo: noon + minute).lowerBound == noon + minute)
    #expect(unsettled.unsettledCount == 0)
  }

  @Test("samples of incomplete responses are replaced: later the history is the same as after a restart")
  func partialAnswers() {
    var samples = history()
    samples.add(answer(samples, at: noon) { _ in 120 }, upTo: noon)
    for index in 1...20 {
      let end = noon + minute * index
      samples.add(answer(samples, at: end, partial: true) { _ in 36 }, upTo: end)
      #expect(samples.range(upTo: end + minute).lowerBound >= end - minute * 4, "short requests while it is incomplete")
    }
    #expect(samples.series.values.filter { $0 == 36 }.count == 20, "complete samples are not overwritten")
    for index in 21...22 {
      let end = noon + minute * index
      samples.add(answer(samples, at: end) { _ in 120 }, upTo: end)
    }
    #expect(samples.series.values.allSatisfy { $0 == 120 })
    #expect(samples.partialFrom == nil)
  }

  @Test("a model receives incomplete samples only if they lack no part of the load")
  func partialUse() {
    for (value, isSeen) in [(36.0, false), (120.0, true)] {
      var samples = history()
      samples.add(answer(samples, at: noon) { _ in 120 }, upTo: noon)
      let end = noon + minute
      samples.add(answer(samples, at: end, partial: true) { _ in value }, upTo: end)
      #expect(samples.modelSeries.values.last?.isFinite == isSeen)
      #expect(samples.series.values.last == value)
    }
  }

  @Test("a history that is incomplete from the start is used, and replaced once the source is whole")
  func partialFromTheStart() {
    var samples = history()
    samples.add(answer(samples, at: noon, partial: true) { _ in 40 }, upTo: noon)
    #expect(samples.modelSeries.values.last == 40)
    _ = samples.takeChange()
    for index in 1...2 {
      let end = noon + minute * index
      samples.add(answer(samples, at: end) { _ in 100 }, upTo: end)
    }
    #expect(samples.series.values.allSatisfy { $0 == 100 })
  }

  @Test("newest samples with large usual corrections are kept from the model until they are reliable")
  func regularCorrections() {
    var samples = history()
    func load(at end: Date) -> (Date) -> Double { { $0 == end ? 50 : 100 } }
    for index in 0..<12 {
      let end = noon + minute * index
      samples.add(answer(samples, at: end, load(at: end)), upTo: end)
      _ = samples.takeChange()
    }
    #expect(samples.series.values.last == 50)
    #expect(samples.modelSeries.values.suffix(2).first == 100)
    #expect(samples.modelSeries.values.last?.isNaN == true)
    for index in 12..<100 {
      let end = noon + minute * index
      samples.add(answer(samples, at: end) { _ in 100 }, upTo: end)
    }
    #expect(samples.modelSeries.values.last == 100, "the source became reliable")
  }

  @Test("the session is notified of settled samples that arrived late or changed")
  func changes() {
    var samples = history()
    samples.add(answer(samples, at: noon) { _ in 100 }, upTo: noon)
    #expect(samples.takeChange() == HistoryChange(.grown, unsettledCount: 5))
    // Nothing for three hours, which is longer than samples count as unsettled, then everything.
    for index in 1...180 {
      samples.extend(upTo: noon + minute * index)
      _ = samples.takeChange()
    }
    let later = noon + minute * 181
    samples.add(answer(samples, at: later) { _ in 100 }, upTo: later)
    #expect(samples.takeChange() == HistoryChange(.filled, unsettledCount: 5))
    samples.distrustSession()
    #expect(samples.takeChange().kind == .rewritten)
    #expect(samples.takeChange().kind == .grown)
  }

  @Test("a clock that was set back drops the samples of the future")
  func clockSetBack() {
    var samples = history()
    samples.add(answer(samples, at: noon) { _ in 100 }, upTo: noon)
    let earlier = noon - minute * 30
    samples.add(answer(samples, at: earlier) { _ in 100 }, upTo: earlier)
    #expect(samples.series.end == earlier)
    #expect(samples.newestSampleAt == earlier)
  }
}
