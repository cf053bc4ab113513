#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The state that a forecast loop stores in addition to its plan, so that a restarted loop keeps its error statistics.
struct LoopState: Codable, Sendable {
  /// One metric's part.
  struct Metric: Codable, Sendable {
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

  private static let currentVersion = 1
  /// The age from which the stored accuracy is discarded.
  private static let accuracyAge: Duration = .seconds(3600)

  private var version = currentVersion
  private var savedAt: Date
  private var metrics: [Metric]
  /// The stored scorecard; data of its own, so that a damaged one harms nothing else.
  private(set) var scorecard: Data?

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
    guard let state = try? JSONDecoder().decode(LoopState.self, from: data), state.version == Self.currentVersion else {
      return nil
    }
    self = state
  }

  /// The encoded state; nil when it has a number that cannot be encoded.
  var data: Data? { try? JSONEncoder().encode(self) }

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

extension WorkloadName {
  /// A number from 0 to below 1 that is the same in every process and depends on the name (FNV-1a hash).
  var share: Double {
    let hash = text.utf8.reduce(UInt32(2_166_136_261)) { ($0 ^ UInt32($1)) &* 16_777_619 }
    return Double(hash) / 4_294_967_296
  }
}
