#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A growing time series whose older samples are packed: a quarter of the memory of a ``TimeSeries``.
///
/// The newest samples, which can still change, are kept as they are. A change of an older one is possible and slow.
package struct PackedSeries: Sendable {
  /// The number of newest samples that are never packed: as many as can be provisional.
  package static let newest = 128

  /// The distance between two samples.
  package let step: Duration
  /// The instant of the first sample.
  package private(set) var start: Date
  private var packed = PackedSamples()
  /// How many samples at the start of the first block are no longer part of the series.
  private var skipped = 0
  private var recent: [Double] = []

  /// An empty series.
  package init(step: Duration) {
    self.step = step
    start = Date(timeIntervalSince1970: 0)
  }

  /// The samples of a series, packed.
  package init(_ series: TimeSeries) {
    step = series.step
    start = series.start
    let blocks = max(0, series.count - Self.newest) / PackedSamples.blockLength
    // The window moves on by a block before it loses one.
    packed = PackedSamples(capacity: (blocks + 2) * PackedSamples.blockLength)
    recent.reserveCapacity(Self.newest + PackedSamples.blockLength + 1)
    for block in 0..<blocks {
      let first = block * PackedSamples.blockLength
      packed.append(block: series.values[first..<first + PackedSamples.blockLength])
    }
    recent += series.values[(blocks * PackedSamples.blockLength)...]
  }

  // MARK: Reading

  private var packedCount: Int { packed.count - skipped }

  /// How many samples there are, missing ones included.
  package var count: Int { packedCount + recent.count }

  /// Whether there is no sample.
  package var isEmpty: Bool { count == 0 }

  /// The places of the samples.
  package var indices: Range<Int> { 0..<count }

  /// A sample; NaN where it is missing.
  package subscript(index: Int) -> Double {
    index < packedCount ? packed[skipped + index] : recent[index - packedCount]
  }

  /// The instant of sample `index`; also for indices before and after the series.
  package func instant(at index: Int) -> Date { start.addingTimeInterval(Double(index) * step.inSeconds) }

  /// The instant of the last sample.
  package var end: Date { instant(at: count - 1) }

  /// The index that is nearest to `instant`; may lie outside the series.
  package func index(nearest instant: Date) -> Int {
    Int((instant.timeIntervalSince(start) / step.inSeconds).rounded())
  }

  /// The index of the last present sample; nil when there is none.
  package var lastPresentIndex: Int? { indices.last { self[$0].isFinite } }

  /// Whether a sample is this number, as far as packing keeps it.
  package func holds(_ value: Double, at index: Int) -> Bool {
    index < packedCount ? packed.holds(value, at: skipped + index) : self[index] == value
  }

  /// The whole series.
  package var series: TimeSeries { suffix(count) }

  /// At most the last `count` samples.
  package func suffix(_ count: Int) -> TimeSeries {
    let first = self.count - min(max(0, count), self.count)
    var values = Array(repeating: Double.nan, count: self.count - first)
    if first < packedCount { packed.unpack(from: skipped + first, into: &values) }
    let newest = max(0, first - packedCount)
    for index in newest..<recent.count { values[packedCount + index - first] = recent[index] }
    return TimeSeries(start: instant(at: first), step: step, values: values)
  }

  // MARK: Changing

  /// Writes `newer` over and after this series, as ``TimeSeries/merge(_:)`` does.
  package mutating func merge(_ newer: TimeSeries) {
    guard !newer.isEmpty else { return }
    guard !isEmpty else {
      self = PackedSeries(newer)
      return
    }
    let offset = index(nearest: newer.start)
    guard offset >= 0, !changesPacked(newer, at: offset) else {
      var whole = series
      whole.merge(newer)
      self = PackedSeries(whole)
      return
    }
    append(missing: offset + newer.count - count)
    for (index, value) in newer.values.enumerated() where !value.isNaN && offset + index >= packedCount {
      recent[offset + index - packedCount] = value
    }
    pack()
  }

  /// Whether a sample of an answer differs from a packed one.
  private func changesPacked(_ newer: TimeSeries, at offset: Int) -> Bool {
    guard offset < packedCount else { return false }
    return newer.values.prefix(packedCount - offset).enumerated().contains { index, value in
      !value.isNaN && !holds(value, at: offset + index)
    }
  }

  /// Appends missing samples.
  package mutating func append(missing count: Int) {
    guard count > 0 else { return }
    recent.append(contentsOf: repeatElement(.nan, count: count))
  }

  private mutating func pack() {
    while recent.count >= Self.newest + PackedSamples.blockLength {
      packed.append(block: recent[..<PackedSamples.blockLength])
      recent.removeFirst(PackedSamples.blockLength)
    }
  }

  /// Drops all but the last `count` samples, and packs what is older than the newest ones.
  package mutating func keepLast(_ count: Int) {
    let surplus = self.count - max(0, count)
    if surplus > 0 {
      start = instant(at: surplus)
      let fromRecent = max(0, surplus - packedCount)
      skipped += surplus - fromRecent
      recent.removeFirst(fromRecent)
    }
    let blocks = skipped / PackedSamples.blockLength
    packed.removeFirst(blocks: blocks)
    skipped -= blocks * PackedSamples.blockLength
    pack()
  }

  /// Drops the last samples.
  package mutating func removeLast(_ count: Int) {
    guard count > 0 else { return }
    guard count > recent.count else {
      recent.removeLast(count)
      return
    }
    var whole = series
    whole.values.removeLast(min(count, whole.count))
    self = PackedSeries(whole)
  }
}
