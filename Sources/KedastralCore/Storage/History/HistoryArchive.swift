#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The stored history of one metric: which of its settled samples are in the store, and which parts must be written next.
///
/// Samples are kept in chunks of an eighth of the window: a day, with the daemons' defaults. Only the newest chunk is written
/// again, and a chunk is removed when all of it lies before the window.
struct HistoryArchive: Sendable {
  /// The number of chunks written in one round, so that the first writes of many workloads are spread.
  private static let mostChunks = 2
  /// The number of samples that a chunk has at least.
  private static let fewestSteps = 60

  /// What to write, and what is stored afterwards.
  struct Writing: Sendable {
    /// Parts to store, or to remove where nil.
    var parts: [String: Data?] = [:]
    fileprivate var end: Date?
    /// Whether more chunks are left to write.
    fileprivate(set) var isPartial = false
  }

  /// Why a stored history is not used.
  enum Refusal: Error, CustomStringConvertible {
    /// It belongs to other settings.
    case otherLoad
    /// A part is invalid.
    case invalid(part: String, StoredBlock.Defect)

    var description: String {
      switch self {
      case .otherLoad: "it belongs to another query, step or window"
      case .invalid(let part, let defect): "part \(part) is \(defect.rawValue)"
      }
    }
  }

  private let prefix: String
  private let fingerprint: Fingerprint
  private let step: Duration
  private let chunkSteps: Int
  private let windowSteps: Int
  /// The last sample that is stored.
  private var end: Date?
  /// The names of all chunks in the store, and of those among them that are not used.
  private var names: Set<String> = []
  private var unused: Set<String> = []

  /// - Parameter index: the metric's position among the workload's.
  init(index: Int, fingerprint: Fingerprint, step: Duration, windowSteps: Int) {
    prefix = "\(index)/"
    self.fingerprint = fingerprint
    self.step = step
    self.windowSteps = windowSteps
    chunkSteps = max(Self.fewestSteps, (windowSteps + 7) / 8)
  }

  private var fitName: String { prefix + "fit" }

  private func name(ofChunk chunk: Int) -> String { "\(prefix)\(chunk)" }

  /// The number of an instant on the grid.
  private func place(_ instant: Date) -> Int { Int((instant.timeIntervalSince1970 / step.inSeconds).rounded()) }

  private func chunk(_ instant: Date) -> Int {
    Int((Double(place(instant)) / Double(chunkSteps)).rounded(.down))
  }

  // MARK: Reading

  /// The stored samples; nil when there are none.
  ///
  /// - Throws: ``Refusal`` when the stored history is not used; the next writing then replaces it.
  mutating func resume(from parts: [String: Data]) throws(Refusal) -> TimeSeries? {
    names = Set(parts.keys.filter { $0.hasPrefix(prefix) && $0 != fitName })
    unused = names
    var chunks: [TimeSeries] = []
    for name in names {
      guard let data = parts[name] else { continue }
      let block = try StoredBlock.reading(data, as: .samples, part: name)
      guard block.fingerprint == fingerprint.bits else { throw .otherLoad }
      guard let series = SeriesCodec.decode(block.content), series.step == step, series.count <= chunkSteps else {
        throw .invalid(part: name, .damaged)
      }
      if !series.isEmpty { chunks.append(series) }
    }
    unused = []
    chunks.sort { $0.start < $1.start }
    guard var series = chunks.first else { return nil }
    series.values.reserveCapacity(windowSteps + 2 * chunkSteps)
    for chunk in chunks.dropFirst() {
      // Nothing is left of a gap that is longer than the window.
      if series.index(nearest: chunk.start) > series.count + windowSteps {
        series = chunk
      } else {
        series.merge(chunk)
      }
    }
    end = series.end
    return series
  }

  /// The stored fit of a model session; nil when there is none of this model.
  func fit(in parts: [String: Data], model: String) throws(Refusal) -> [UInt8]? {
    guard let data = parts[fitName] else { return nil }
    let block = try StoredBlock.reading(data, as: .fit, part: fitName)
    return block.fingerprint == fitFingerprint(model) ? block.content : nil
  }

  private func fitFingerprint(_ model: String) -> UInt64 {
    var fingerprint = fingerprint
    fingerprint.add(model)
    return fingerprint.bits
  }

  // MARK: Writing

  /// What to write so that the settled samples of `series` are stored.
  func writing(_ series: TimeSeries, settledEnd: Date) -> Writing {
    var writing = Writing(end: end)
    guard !series.isEmpty, settledEnd >= series.start, end != settledEnd else { return writing }
    let newest = chunk(settledEnd)
    // After a clock was set back, stored samples are no longer settled: their chunk is written again without them.
    let first = chunk(max(series.start, end.map { min($0 + step, settledEnd) } ?? series.start))
    let last = min(newest, first + Self.mostChunks - 1)
    let begin = place(series.start)
    for chunk in first...last {
      let lower = max(0, chunk * chunkSteps - begin)
      let upper = min((chunk + 1) * chunkSteps - begin, place(settledEnd) + 1 - begin, series.count)
      guard lower < upper else { continue }
      let content = SeriesCodec.encode(series.slice(lower..<upper))
      writing.parts[name(ofChunk: chunk)] =
        StoredBlock(fingerprint: fingerprint.bits, content: content).encoded(as: .samples)
    }
    writing.isPartial = last < newest
    writing.end =
      last < newest ? Date(timeIntervalSince1970: Double((last + 1) * chunkSteps - 1) * step.inSeconds) : settledEnd
    let kept = chunk(series.end - step * (windowSteps - 1))...newest
    for name in names where writing.parts[name] == nil {
      let isNeeded = Int(name.dropFirst(prefix.count)).map(kept.contains) ?? false
      if !isNeeded || unused.contains(name) { writing.parts[name] = .some(nil) }
    }
    return writing
  }

  /// The part that holds a fit.
  func writing(fit: [UInt8], model: String) -> [String: Data?] {
    [fitName: StoredBlock(fingerprint: fitFingerprint(model), content: fit).encoded(as: .fit)]
  }

  /// Notes that a writing succeeded.
  mutating func wrote(_ writing: Writing) {
    end = writing.end
    for (name, data) in writing.parts {
      if data == nil { names.remove(name) } else { names.insert(name) }
    }
    unused.formIntersection(names)
  }

  /// Notes that settled samples have changed from `instant` on, so that their chunks are written again.
  mutating func changed(from instant: Date) {
    if let end, instant <= end { self.end = instant - step }
  }
}

extension StoredBlock {
  /// Reads a part of a history.
  fileprivate static func reading(
    _ data: Data, as kind: Kind, part: String
  ) throws(HistoryArchive.Refusal) -> StoredBlock {
    do { return try StoredBlock(data, as: kind) } catch { throw .invalid(part: part, error) }
  }
}
