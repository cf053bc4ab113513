import KedastralCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The last samples of a history, by which a later history of the same load is recognised.
struct HistoryTail: Decodable, Sendable {
  private static let length = 16
  /// How much a sample may change when it is read again: a source may correct its newest samples.
  private static let tolerance = 0.01
  private static let fewest = 4

  private var end = Date.distantPast
  private var stepSeconds = 0.0
  /// The samples up to `end`, nil where one is missing.
  private var samples: [Double?] = []

  /// The tail of an empty history.
  init() {}

  /// The tail of a history without its last `dropped` samples.
  init(_ history: TimeSeries, dropping dropped: Int = 0) {
    (end, stepSeconds) = (history.instant(at: history.count - 1 - dropped), history.step.inSeconds)
    samples = history.values.dropLast(dropped).suffix(Self.length).map { $0.isFinite ? $0 : nil }
  }

  /// Writes the tail.
  func write(to writer: inout ByteWriter) {
    for number in [end.timeIntervalSince1970, stepSeconds] { writer.append(number) }
    writer.append(count: samples.count)
    for sample in samples { writer.append(sample ?? .nan) }
  }

  /// Reads a tail; nil when it is invalid.
  init?(from reader: inout ByteReader) {
    guard let end = reader.finiteDouble(), let stepSeconds = reader.finiteDouble(),
      let count = reader.count(most: Self.length), let samples = reader.list(count, { $0.double() })
    else { return nil }
    (self.end, self.stepSeconds) = (Date(timeIntervalSince1970: end), stepSeconds)
    self.samples = samples.map { $0.isFinite ? $0 : nil }
  }

  /// Whether a history has these samples at their instants: most of them, and a few at least.
  func isPart(of history: TimeSeries) -> Bool {
    guard stepSeconds == history.step.inSeconds, stepSeconds > 0, !history.isEmpty, end >= history.start,
      end <= history.end
    else {
      return false
    }
    let last = history.index(nearest: end)
    var (known, alike) = (0, 0)
    for (age, sample) in samples.reversed().enumerated() {
      guard let sample, history.values.indices.contains(last - age) else { continue }
      let value = history.values[last - age]
      guard value.isFinite else { continue }
      known += 1
      if abs(value - sample) <= Self.tolerance * max(abs(value), abs(sample)) { alike += 1 }
    }
    return known >= Self.fewest && alike * 2 > known
  }
}
