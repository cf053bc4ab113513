#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What a forecast loop stores beside its plan, so that a restarted one need not learn again how good its forecasts are.
struct LoopState: Codable, Sendable {
  /// One metric's part.
  struct Metric: Codable, Sendable {
    var name: String
    var model: String
    var accuracy: LiveAccuracy
    /// The model session's own state.
    var session: Data?
  }

  private static let currentVersion = 1
  /// Of forecasts this long ago it is not told how good the next ones will be.
  private static let accuracyAge: Duration = .seconds(3600)

  private var version = currentVersion
  private var savedAt: Date
  private var metrics: [Metric]

  init(_ metrics: [Metric], at now: Date) {
    (self.metrics, savedAt) = (metrics, now)
  }

  /// Reads what was stored; nil when it is of another version, or no state at all.
  init?(_ data: Data) {
    guard let state = try? JSONDecoder().decode(LoopState.self, from: data), state.version == Self.currentVersion else {
      return nil
    }
    self = state
  }

  /// What to store; nil when a number in it cannot be.
  var data: Data? { try? JSONEncoder().encode(self) }

  /// What is known of a metric that is forecast by a model of this name.
  func session(of metric: LoadMetric) -> Data? { part(of: metric)?.session }

  /// How good a metric's forecasts have been; nil when that is too long ago.
  func accuracy(of metric: LoadMetric, at now: Date) -> LiveAccuracy? {
    guard let accuracy = part(of: metric)?.accuracy, accuracy.isSound,
      abs(now.timeIntervalSince(savedAt)) <= Self.accuracyAge.inSeconds
    else { return nil }
    return accuracy
  }

  private func part(of metric: LoadMetric) -> Metric? {
    metrics.first { $0.name == metric.name && $0.model == metric.model.name }
  }
}

extension WorkloadName {
  /// A share of a whole, from 0 to below 1, that is the same in every process and differs from name to name (FNV-1a).
  var share: Double {
    let hash = text.utf8.reduce(UInt32(2_166_136_261)) { ($0 ^ UInt32($1)) &* 16_777_619 }
    return Double(hash) / 4_294_967_296
  }
}
