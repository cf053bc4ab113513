import Foundation
import KedastralCore
import Testing

@Suite("Time series")
struct TimeSeriesTests {
  private let noon = Date(timeIntervalSince1970: 1_769_860_800)

  private func series(_ values: [Double], at index: Int = 0) -> TimeSeries {
    TimeSeries(start: noon + .seconds(60 * index), step: .seconds(60), values: values)
  }

  @Test("newer samples are appended, and the gap between is missing")
  func mergeAppends() {
    var load = series([1, 2])
    load.merge(series([5], at: 4))
    #expect(load.count == 5)
    #expect(load.values[2].isNaN && load.values[3].isNaN && load.values[4] == 5)
    #expect(load.missingCount == 2)
  }

  @Test("a newer sample replaces an older one, but a missing one does not")
  func mergeOverlap() {
    var load = series([1, 2, .nan])
    load.merge(series([.nan, 30, 40], at: 1))
    #expect(load.values == [1, 2, 30, 40])
  }

  @Test("older samples are put in front")
  func mergeFront() {
    var load = series([3])
    load.merge(series([1, 2], at: -2))
    #expect(load.values == [1, 2, 3])
    #expect(load.start == noon - .seconds(120))
  }

  @Test("only the last samples are kept, and their instants stay right")
  func keepLast() {
    var load = series([1, 2, 3, 4])
    load.keepLast(2)
    #expect(load.values == [3, 4])
    #expect(load.instant(at: 0) == noon + .seconds(120))
    #expect(load.suffix(1).end == load.end)
  }

  @Test("a missing series holds every grid instant of the range, and none outside")
  func missingGrid() {
    let load = TimeSeries.missing(in: (noon + .seconds(1))..<(noon + .seconds(181)), step: .seconds(60))
    #expect(load.start == noon + .seconds(60))
    #expect(load.count == 3)
    #expect(TimeSeries.missing(in: noon..<noon, step: .seconds(60)).isEmpty)
    #expect(TimeSeries.missing(in: noon..<(noon + .seconds(60)), step: .seconds(60)).count == 1)
  }

  @Test("short gaps are interpolated, ends repeat their neighbour, and the count is returned")
  func repair() {
    let repair = series([.nan, 10, .nan, .nan, 40, .infinity]).repairingGaps()
    #expect(repair.series.values == [10, 10, 20, 30, 40, 40])
    #expect(repair.repairedCount == 4)
    #expect(repair.longestGap == 2)
    #expect(repair.repairedShare == 4.0 / 6)
  }

  @Test("fills a long gap with the previous season")
  func seasonalRepair() {
    let day: [Double] = (0..<24).map(Double.init)
    var values = day + day
    for index in 30..<42 { values[index] = .nan }
    #expect(series(values).repairingGaps(season: 24).series.values == day + day)
  }

  @Test("a series without any sample repairs to zeros")
  func nothingToRepairFrom() {
    let repair = series([.nan, .nan]).repairingGaps()
    #expect(repair.series.values == [0, 0])
    #expect(repair.repairedShare == 1)
    #expect(series([]).repairingGaps().repairedShare == 0)
  }
}
