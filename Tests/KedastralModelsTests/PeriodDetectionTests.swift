import Foundation
import KedastralCore
import KedastralModels
import TestSupport
import Testing

@Suite("Period detection", .numeric)
struct PeriodDetectionTests {
  @Test("finds spikes every hour in three hours of minutes")
  func hourlySpikes() throws {
    let history = SyntheticLoad.series(count: 180, SyntheticLoad.hourlySpike)
    let period = try #require(PeriodDetection(of: history).longest)
    #expect(period.steps == 60)
    #expect(period.confidence > 0.8)
  }

  @Test("finds half-hourly spikes as such, not as hours")
  func halfHourlySpikes() {
    let history = SyntheticLoad.series(count: 720) { minute, generator in
      (minute % 30 < 3 ? 400 : 100) + 10 * generator.noise()
    }
    #expect(PeriodDetection(of: history).periods.map(\.steps) == [30])
  }

  @Test("finds hour and day when both are there")
  func hourAndDay() {
    let history = SyntheticLoad.series(count: 4 * 1440) { minute, generator in
      SyntheticLoad.day(minute, &generator) + (minute % 60 < 5 ? 300 : 0)
    }
    #expect(PeriodDetection(of: history).periods.map(\.steps) == [60, 1440])
  }

  @Test("finds a week of business days in five-minute steps")
  func week() {
    let history = SyntheticLoad.series(count: 4 * 2016, stepSeconds: 300) { step, generator in
      let (day, hour) = (step / 288 % 7, Double(step % 288) / 12)
      return (day < 5 && (9..<18).contains(hour) ? 1000 : 100) + 20 * generator.noise()
    }
    let periods = PeriodDetection(of: history).periods.map(\.steps)
    #expect(periods.contains(288))
    #expect(periods.last == 2016)
  }

  @Test("finds a length that is on no calendar")
  func freeLength() {
    let history = SyntheticLoad.series(count: 1000) { minute, generator in
      (minute % 37 < 4 ? 300 : 100) + 5 * generator.noise()
    }
    #expect(PeriodDetection(of: history).periods.map(\.steps) == [37])
  }

  @Test("finds a period with a third of the samples missing and one a hundred times too high")
  func gapsAndOutlier() {
    var history = SyntheticLoad.series(count: 3 * 1440, SyntheticLoad.day)
    for index in history.values.indices where index % 3 == 0 || (2000..<2400).contains(index) {
      history.values[index] = .nan
    }
    history.values[1000] = 40_000
    #expect(PeriodDetection(of: history).longest?.steps == 1440)
  }

  @Test(
    "finds only the day in three to five noisy days, and no similar length",
    arguments: [(3.0, 300), (3.5, 300), (4, 300), (5, 300), (4, 900), (2.5, 60), (4, 60)])
  func noisyDays(days: Double, stepSeconds: Int) {
    let day = 86_400 / stepSeconds
    for seed in 0..<(stepSeconds == 60 ? 4 : 12) {
      let history = SyntheticLoad.series(
        count: Int(days * Double(day)), stepSeconds: stepSeconds, seed: UInt64(seed)
      ) { step, generator in
        let phase = 2 * Double.pi * Double(step) / Double(day)
        return (20 + 16 * sin(phase + Double(seed))) * (1 + 0.1 * generator.noise())
      }
      let periods = PeriodDetection(of: history).periods.map(\.steps)
      #expect(periods == [day], "seed \(seed)")
    }
  }

  @Test("finds a smooth hourly season and a day with two peaks")
  func calendarLengths() {
    for seed in 1..<9 {
      let hour = SyntheticLoad.series(count: 360, seed: UInt64(seed)) { minute, generator in
        (20 + 16 * sin(2 * Double.pi * Double(minute) / 60)) * (1 + 0.05 * generator.noise())
      }
      #expect(PeriodDetection(of: hour).longest?.steps == 60, "seed \(seed)")
      let humps = SyntheticLoad.series(count: 1152, stepSeconds: 300, seed: UInt64(seed)) { step, generator in
        let phase = 2 * Double.pi * Double(step) / 288
        return (20 + 8 * sin(phase) + 8 * sin(2 * phase + 1)) * (1 + 0.1 * generator.noise())
      }
      #expect(PeriodDetection(of: humps).periods.map(\.steps) == [144, 288], "seed \(seed)")
    }
  }

  @Test("a length near the day that clearly differs is kept", arguments: [264, 312])
  func nearTheDay(length: Int) {
    let history = SyntheticLoad.series(count: 8 * 288, stepSeconds: 300) { step, generator in
      (step % length < length / 8 ? 100 : 20) * (1 + 0.1 * generator.noise())
    }
    #expect(PeriodDetection(of: history).periods.map(\.steps) == [length])
  }

  @Test("finds none in noise, a ramp, a constant, or too little")
  func none() {
    let noise = SyntheticLoad.series(count: 3000) { _, generator in 100 + 20 * generator.noise() }
    let ramp = SyntheticLoad.series(count: 3000) { minute, _ in Double(minute) }
    let constant = SyntheticLoad.series(count: 3000) { _, _ in 7 }
    let short = SyntheticLoad.series(count: 5, SyntheticLoad.hourlySpike)
    let missing = SyntheticLoad.series(count: 500) { _, _ in .nan }
    for history in [noise, ramp, constant, short, missing] {
      #expect(PeriodDetection(of: history).periods.isEmpty)
    }
  }
}
