#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A way to forecast load.
/// A model is a value with settings and no state. The simplest one repeats yesterday:
///
///     struct Yesterday: Model {
///       let name = "yesterday"
///       func forecast(_ history: TimeSeries, steps: Int, quantiles: [Double]) throws -> Forecast {
///         let day = Int(86_400 / history.step.inSeconds)
///         guard history.count >= day else { throw ModelError.notEnoughHistory(needed: day, present: history.count) }
///         let values = (0..<steps).map { history.values[history.count - day + $0 % day] }
///         return Forecast(start: history.end, step: history.step, values: values, model: name)
///       }
///     }
/// A model with state keeps it in a ModelSession, one for each workload.
public protocol Model: Sendable {
  /// The name in settings, snapshots and metrics.
  var name: String { get }

  /// Forecasts the `steps` steps that follow `history`.
  ///
  /// - Parameters:
  ///   - history: the measured load, NaN where a sample is missing, the newest last.
  ///   - steps: how many steps to forecast; positive.
  ///   - quantiles: the requested levels, each in (0, 1); a model without quantiles returns none.
  /// - Throws: ModelError when it cannot forecast from this history.
  func forecast(_ history: TimeSeries, steps: Int, quantiles: [Double]) throws -> Forecast

  /// A session for one workload, which can keep fitted state between calls. The default keeps none.
  func makeSession() -> any ModelSession
}

extension Model {
  public func makeSession() -> any ModelSession { StatelessSession(model: self) }
}

/// A model's state for one workload; it is called repeatedly with the same history, extended by the newest samples.
///
/// One forecast loop owns a session and never shares it, so it needs no lock. A restarted loop resumes from the samples in
/// its store, or collects its window again, and the session fits it again. What can only be learned by comparing forecasts with the measured load is in its ``state``, which
/// the loop stores periodically and restores after a restart.
public protocol ModelSession: Sendable {
  /// Forecasts as Model/forecast(_:steps:quantiles:) does, and can reuse state from earlier calls.
  /// The session must detect when `history` is not the previous one extended by new samples, and then start again.
  mutating func forecast(_ history: TimeSeries, steps: Int, quantiles: [Double]) async throws -> Forecast

  /// The same, with the number of settled samples. A session learns only from settled samples.
  ///
  /// By default the change is not used, and ``forecast(_:steps:quantiles:)`` is called.
  mutating func forecast(
    _ history: TimeSeries, _ change: HistoryChange, steps: Int, quantiles: [Double]
  ) async throws -> Forecast

  /// The state that a session of the same model needs after a restart and cannot compute from a history: a few kilobytes, in a
  /// format that the model defines. Nil, the default, when there is none.
  var state: Data? { get }

  /// Resumes from an earlier session's ``state``. By default it is ignored.
  /// The session must detect when the state is not its own or does not fit the next history, and then ignore it.
  mutating func restore(_ state: Data)
}

extension ModelSession {
  public mutating func forecast(
    _ history: TimeSeries, _ change: HistoryChange, steps: Int, quantiles: [Double]
  ) async throws -> Forecast {
    try await forecast(history, steps: steps, quantiles: quantiles)
  }

  public var state: Data? { nil }
  public mutating func restore(_ state: Data) {}
}

/// How a history differs from the one of the previous call.
public struct HistoryChange: Sendable, Equatable {
  /// The change of the samples that were settled in the previous call.
  public enum Kind: Sendable, Equatable {
    /// They are unchanged; new samples were added.
    case grown
    /// Some that were missing have arrived.
    case filled
    /// Some have different values, so state learned from them is invalid.
    case rewritten
  }

  /// The maximum number of samples at the end of a history that count as unsettled.
  public static let mostUnsettled = 128

  /// The change of the settled samples.
  public var kind: Kind
  /// The number of samples at the end of the history that can still change, at most ``mostUnsettled``.
  public var unsettledCount: Int

  /// Creates a change; by default all samples are settled and unchanged.
  public init(_ kind: Kind = .grown, unsettledCount: Int = 0) {
    self.kind = kind
    self.unsettledCount = min(max(0, unsettledCount), Self.mostUnsettled)
  }
}

private struct StatelessSession<Wrapped: Model>: ModelSession {
  let model: Wrapped

  func forecast(_ history: TimeSeries, steps: Int, quantiles: [Double]) throws -> Forecast {
    try model.forecast(history, steps: steps, quantiles: quantiles)
  }
}

/// The reason why a model could not forecast.
public enum ModelError: Error, Equatable, CustomStringConvertible {
  /// The history is too short, or has too few samples.
  case notEnoughHistory(needed: Int, present: Int)
  /// A setting does not fit the history or the request.
  case invalidSetting(model: String, setting: String, problem: String)
  /// A remote model failed; the text contains the request, the server and the response.
  case remote(String)

  public var description: String {
    switch self {
    case .notEnoughHistory(let needed, let present):
      "not enough history: \(present) samples, at least \(needed) required"
    case .invalidSetting(let model, let setting, let problem): "model '\(model)': \(setting) \(problem)"
    case .remote(let text): text
    }
  }
}
