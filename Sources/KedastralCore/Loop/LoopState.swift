#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The state that a forecast loop stores in addition to its plan, so that a restarted loop keeps its error statistics.
///
/// It is stored as a ``StoredBlock``. Version 0.1.0 stored JSON, which can still be read.
struct LoopState: Decodable, Sendable {
  /// One metric's part.
  struct Metric: Decodable, Sendable {
    var name: String
    var model: String
    var accuracy: LiveAccuracy
    /// The model session's state.
    var session: Data?
    /// What was learned about the margin of an objective.
    var objective: ObjectiveTracker?
    /// Identifies the samples that it belongs to; nil when that is not known.
    var load: String?
  }

  /// The version of the JSON that can be read.
  private static let jsonVersion = 1
  /// The most metrics, and bytes of a part, that are read.
  private static let (mostMetrics, mostBytes) = (1024, 1 << 20)
  /// The age from which the stored accuracy is discarded.
  private static let accuracyAge: Duration = .seconds(3600)

  private var version = jsonVersion
  private var savedAt: Date
  private var metrics: [Metric]
  /// The stored scorecard; data of its own, so that a damaged one harms nothing else.
  var scorecard: Data?

  init(_ metrics: [Metric], scorecard: Data? = nil, at now: Date) {
    (self.metrics, self.scorecard, savedAt) = (metrics, scorecard, now)
  }

  /// Whether the state is of these metrics and, where that is known, of these loads.
  func isSameLoad(_ loads: [(name: String, load: Fingerprint?)]) -> Bool {
    metrics.count == loads.count
      && zip(metrics, loads).allSatisfy { $0.name == $1.name && ($0.load == nil || $0.load == $1.load?.text) }
  }

  /// Reads a stored state; nil when it has another version or is invalid.
  init?(_ data: Data) {
    if data.first == UInt8(ascii: "{") {
      guard let state = try? JSONDecoder().decode(LoopState.self, from: data), state.version == Self.jsonVersion else {
        return nil
      }
      self = state
      return
    }
    guard let block = try? StoredBlock(data, as: .state) else { return nil }
    var reader = ByteReader(block.content[...])
    guard let savedAt = reader.finiteDouble(), let count = reader.count(most: Self.mostMetrics),
      let metrics = reader.list(count, { Metric(from: &$0, mostBytes: Self.mostBytes) }),
      let scorecard = reader.part(most: Self.mostBytes), reader.rest.isEmpty
    else { return nil }
    self.init(metrics, scorecard: scorecard.map { Data($0) }, at: Date(timeIntervalSince1970: savedAt))
  }

  /// The encoded state.
  var data: Data {
    var writer = ByteWriter()
    writer.append(savedAt.timeIntervalSince1970)
    writer.append(count: metrics.count)
    for metric in metrics { metric.write(to: &writer) }
    writer.append(part: scorecard)
    return StoredBlock(fingerprint: 0, content: writer.bytes).encoded(as: .state)
  }

  /// The state of a metric that is forecast with the model of this name.
  func session(of metric: LoadMetric, load: Fingerprint?) -> Data? { part(of: metric, load)?.session }

  /// The accuracy of a metric's forecasts; nil when it is too old.
  func accuracy(of metric: LoadMetric, load: Fingerprint?, at now: Date) -> LiveAccuracy? {
    guard let accuracy = part(of: metric, load)?.accuracy, accuracy.isSound,
      abs(now.timeIntervalSince(savedAt)) <= Self.accuracyAge.inSeconds
    else { return nil }
    return accuracy
  }

  /// What was learned about the margin of a metric's objective; nil when it has another one now.
  func objective(of metric: LoadMetric, load: Fingerprint?) -> ObjectiveTracker? {
    guard let share = metric.policy.objectivePolicy?.objective, let objective = part(of: metric, load)?.objective,
      objective.isSound(for: share)
    else { return nil }
    return objective
  }

  private func part(of metric: LoadMetric, _ load: Fingerprint?) -> Metric? {
    metrics.first {
      $0.name == metric.name && $0.model == metric.model.name && ($0.load == nil || $0.load == load?.text)
    }
  }
}

extension LoopState.Metric {
  fileprivate func write(to writer: inout ByteWriter) {
    for text in [name, model] { writer.append(part: text.utf8) }
    writer.append(part: load?.utf8)
    accuracy.write(to: &writer)
    writer.append(part: session)
    writer.append(part: objective.flatMap { try? JSONEncoder().encode($0) })
  }

  fileprivate init?(from reader: inout ByteReader, mostBytes: Int) {
    guard let name = reader.part(most: mostBytes) ?? nil, let model = reader.part(most: mostBytes) ?? nil,
      let load = reader.part(most: mostBytes), let accuracy = LiveAccuracy(from: &reader),
      let session = reader.part(most: mostBytes), let objective = reader.part(most: mostBytes)
    else { return nil }
    self.init(
      name: String(decoding: name, as: UTF8.self), model: String(decoding: model, as: UTF8.self), accuracy: accuracy,
      session: session.map { Data($0) },
      objective: objective.flatMap { try? JSONDecoder().decode(ObjectiveTracker.self, from: Data($0)) },
      load: load.map { String(decoding: $0, as: UTF8.self) })
  }
}

extension WorkloadName {
  /// A number from 0 to below 1 that is the same in every process and depends on the name (FNV-1a hash).
  var share: Double {
    let hash = text.utf8.reduce(UInt32(2_166_136_261)) { ($0 ^ UInt32($1)) &* 16_777_619 }
    return Double(hash) / 4_294_967_296
  }
}
