import Foundation
import Testing

@testable import KedastralCore

@Suite("Packed series")
struct PackedSeriesTests {
  private let noon = Date(timeIntervalSince1970: 1_769_860_800)
  private let minute = Duration.seconds(60)

  private func series(_ values: [Double]) -> TimeSeries { TimeSeries(start: noon, step: minute, values: values) }

  /// A daily wave with a little noise.
  private func wave(_ range: Range<Int>) -> [Double] {
    range.map { minute -> Double in
      let noise = Double(minute * 7919 % 101) / 7
      return 400 + 300 * sin(Double(minute) / 229) + noise
    }
  }

  private func isSame(_ left: [Double], _ right: [Double]) -> Bool {
    left.count == right.count && zip(left, right).allSatisfy { $0 == $1 || ($0.isNaN && $1.isNaN) }
  }

  @Test("rounds by less than stored histories, a 4,096th of a block's mean size")
  func rounding() {
    let values = wave(0..<2000)
    let found = PackedSeries(series(values)).series
    #expect(found.start == noon && found.step == minute && found.count == 2000)
    for (one, other) in zip(found.values, values) { #expect(abs(one - other) <= 100 * PackedSamples.coarsest) }
    #expect(PackedSeries.newest >= HistoryChange.mostUnsettled)
    #expect(found.values != values && found.values.suffix(PackedSeries.newest) == values.suffix(PackedSeries.newest))
  }

  private static let exactLoads: [[Double]] = {
    var counts: [Double] = []
    var sparse: [Double] = []
    var fractions: [Double] = []
    for index in 0..<1000 {
      counts.append(Double(index * index % 60_000))
      sparse.append(index % 7 == 0 ? Double.nan : 0)
      fractions.append(index % 3 == 0 ? 0 : Double(index) * 0x1p-20)
    }
    return [counts, sparse, fractions, Array(repeating: 1.0 / 3, count: 1000), Array(repeating: .nan, count: 1000)]
  }()

  @Test("keeps counts, zeros, missing samples and repeated values exactly", arguments: exactLoads)
  func exact(_ values: [Double]) {
    #expect(isSame(PackedSeries(series(values)).series.values, values))
  }

  @Test(
    "keeps small loads beside a spike, and the largest and smallest numbers, in single precision or better",
    arguments: [1e6, 1e30, 1e-30])
  func spike(_ spike: Double) {
    var values = wave(0..<1000).map { $0 * spike * 1e-6 }
    values[200] = spike
    for (one, other) in zip(PackedSeries(series(values)).series.values, values) {
      #expect(abs(one - other) <= 2e-4 * other)
    }
    for extreme in [Double.greatestFiniteMagnitude, -.greatestFiniteMagnitude, .leastNonzeroMagnitude, .infinity] {
      values[300] = extreme
      #expect(PackedSeries(series(values)).count == 1000)
    }
  }

  @Test("changes as a time series does, in any order of merging, trimming and cutting")
  func sameAsSeries() {
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<20 {
      var (plain, packed) = (series([7]), PackedSeries(step: minute))
      packed.merge(plain)
      var place = 0
      for _ in 0..<60 {
        switch Int.random(in: 0..<10, using: &generator) {
        case 0:
          plain.keepLast(700)
          packed.keepLast(700)
        case 1:
          let count = min(plain.count, Int.random(in: 0...20, using: &generator))
          plain.values.removeLast(count)
          packed.removeLast(count)
        case 2:
          plain.values += Array(repeating: .nan, count: 3)
          packed.append(missing: 3)
        case 3:
          // An answer that changes what is packed.
          let newer = TimeSeries(
            start: plain.instant(at: max(0, plain.count - 400)), step: minute, values: [1, .nan, 3])
          plain.merge(newer)
          packed.merge(newer)
        default:
          let count = Int.random(in: 1...200, using: &generator)
          let back = Int.random(in: -3...5, using: &generator)
          let newer = TimeSeries(
            start: plain.instant(at: max(0, plain.count - back)), step: minute,
            values: (place..<place + count).map { Double($0 % 1000) })
          place += count
          plain.merge(newer)
          packed.merge(newer)
        }
        #expect(packed.series.start == plain.start && isSame(packed.series.values, plain.values))
        #expect(packed.count == plain.count && packed.end == plain.end)
        #expect(packed.lastPresentIndex == plain.lastPresentIndex)
        for count in [300, 0, -5] { #expect(isSame(packed.suffix(count).values, plain.suffix(count).values)) }
        if !plain.isEmpty { #expect(packed[0] == plain.values[0] || plain.values[0].isNaN) }
      }
    }
  }

  @Test("recognises a packed sample that is read again, and one that has changed")
  func readAgain() {
    let values = wave(0..<2000)
    var packed = PackedSeries(series(values))
    // Packed on other grids.
    packed.keepLast(1950)
    packed = PackedSeries(packed.series)
    for index in 0..<1950 {
      #expect(packed.holds(values[index + 50], at: index))
      #expect(!packed.holds(values[index + 50] * 1.01, at: index))
    }
    let before = packed.series
    packed.merge(TimeSeries(start: packed.instant(at: 0), step: minute, values: Array(values[50...])))
    #expect(packed.series == before)
  }

  @Test("takes about two bytes per packed sample")
  func size() {
    var packed = PackedSamples()
    for block in 0..<10 { packed.append(block: wave(block * 128..<(block + 1) * 128)) }
    #expect(packed.count == 1280 && packed.bytes <= 2 * 1280 + 16 * 10)
    packed.removeFirst(blocks: 4)
    #expect(packed.count == 768 && abs(packed[0] - wave(512..<513)[0]) < 0.1)
  }
}
