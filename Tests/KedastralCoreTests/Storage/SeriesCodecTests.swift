import Foundation
import KedastralCore
import KedastralTesting
import Testing

@Suite("Series codec")
struct SeriesCodecTests {
  private let noon = Date(timeIntervalSince1970: 1_769_860_800)

  private func series(_ values: [Double], step: Duration = .seconds(60)) -> TimeSeries {
    TimeSeries(start: noon, step: step, values: values)
  }

  private func roundTrip(_ series: TimeSeries) throws -> TimeSeries {
    try #require(SeriesCodec.decode(SeriesCodec.encode(series)))
  }

  /// Whether both have the same samples, missing ones included.
  private func isEqual(_ left: TimeSeries, _ right: TimeSeries) -> Bool {
    left.start == right.start && left.step == right.step && left.count == right.count
      && zip(left.values, right.values).allSatisfy { $0 == $1 || ($0.isNaN && $1.isNaN) }
  }

  @Test("keeps counts, repeated values, extremes and gaps exactly")
  func exact() throws {
    let cases: [[Double]] = [
      [], [0], [.nan], [7], [.nan, .nan, 3], [3, .nan, .nan], Array(repeating: 56.7, count: 1440),
      (0..<1440).map { Double(($0 * 7919) % 911) }, (0..<1440).map { Double($0 % 2) },
      (0..<1440).map { $0 % 97 == 0 ? 250 : 0 }, (0..<1440).map { -Double($0 * 31 % 100) },
      [0, .greatestFiniteMagnitude, -.greatestFiniteMagnitude, .leastNonzeroMagnitude],
    ]
    for values in cases { #expect(isEqual(try roundTrip(series(values)), series(values)), "\(values.prefix(3))") }
  }

  @Test("treats infinite samples as missing")
  func infinite() throws {
    #expect(isEqual(try roundTrip(series([1, .infinity, 2])), series([1, .nan, 2])))
  }

  @Test("keeps the grid of steps that are fractions of a second or days", arguments: [0.25, 1, 900, 43_200])
  func grids(seconds: Double) throws {
    let original = series([1, 2, .nan, 4], step: .seconds(seconds))
    #expect(isEqual(try roundTrip(original), original))
  }

  /// Minutes of a load that rises and falls daily, with noise that fills the fraction of each number.
  private func noisyWeek() -> TimeSeries {
    var generator = SeededGenerator(seed: 7)
    let pattern = LoadPattern.doublePeak(base: 100, peak: 700)
    return TimeSeries.sampled(in: noon..<noon + .seconds(7 * 86_400), step: .seconds(60)) {
      pattern.load(at: $0) * Double.random(in: 0.9...1.1, using: &generator)
    }
  }

  @Test("a week of noisy minutes takes at most 16 KiB, with samples that are right within 0.025 %")
  func size() throws {
    let original = noisyWeek()
    #expect(original.count == 10_080)
    let bytes = SeriesCodec.encode(original)
    #expect(bytes.count <= 16 << 10, "\(bytes.count) bytes")
    let decoded = try #require(SeriesCodec.decode(bytes))
    let error = zip(original.values, decoded.values).map { abs($0 - $1) / $0 }.max() ?? 1
    #expect(error <= 0.000_25, "\(error)")
  }

  @Test("huge, noisy and wildly different samples stay finite")
  func wild() throws {
    var generator = SeededGenerator(seed: 11)
    let values = (0..<3000).map { _ in Double(bitPattern: .random(in: 0...UInt64.max, using: &generator)) }
    let decoded = try roundTrip(series(values))
    for (left, right) in zip(values, decoded.values) where left.isNormal {
      #expect(right.isFinite && abs(left - right) <= 0.000_25 * abs(left), "\(left) \(right)")
    }
  }

  @Test("rounds samples that were rounded before to themselves")
  func idempotent() throws {
    let once = try roundTrip(noisyWeek())
    #expect(isEqual(try roundTrip(once), once))
  }

  @Test("refuses bytes that end early, and any bytes without a trap")
  func invalid() throws {
    let bytes = SeriesCodec.encode(series((0..<300).map { $0 % 17 == 0 ? .nan : Double($0) * 0.1 }))
    for count in 0..<bytes.count { #expect(SeriesCodec.decode(bytes.prefix(count)) == nil) }
    var generator = SeededGenerator(seed: 3)
    for _ in 0..<20_000 {
      var changed = bytes
      for _ in 0..<3 {
        changed[.random(in: bytes.indices, using: &generator)] = .random(in: 0...255, using: &generator)
      }
      guard let decoded = SeriesCodec.decode(changed) else { continue }
      #expect(decoded.count <= SeriesCodec.mostSamples && decoded.values.allSatisfy { $0.isFinite || $0.isNaN })
    }
  }
}

@Suite("Stored block")
struct StoredBlockTests {
  private let block = StoredBlock(fingerprint: 0x0123_4567_89ab_cdef, content: [1, 2, 3])

  @Test("reads what was written, of its kind only", arguments: StoredBlock.Kind.allCases)
  func roundTrip(kind: StoredBlock.Kind) throws {
    for reading in StoredBlock.Kind.allCases {
      if reading == kind {
        #expect(try StoredBlock(block.encoded(as: kind), as: reading) == block)
      } else {
        #expect(throws: StoredBlock.Defect.damaged) { try StoredBlock(block.encoded(as: kind), as: reading) }
      }
    }
  }

  @Test("finds every changed byte and every missing end")
  func damaged() {
    let data = block.encoded(as: .samples)
    for index in data.indices {
      for change in [1, 128, 255] as [UInt8] {
        var changed = data
        changed[index] ^= change
        #expect(throws: StoredBlock.Defect.self) { try StoredBlock(changed, as: .samples) }
      }
      #expect(throws: StoredBlock.Defect.damaged) { try StoredBlock(data.prefix(index), as: .samples) }
    }
  }

  @Test("says when another version wrote it")
  func otherVersion() {
    var data = block.encoded(as: .fit)
    data[2] = StoredBlock.version + 1
    #expect(throws: StoredBlock.Defect.otherVersion) { try StoredBlock(data, as: .fit) }
  }
}
