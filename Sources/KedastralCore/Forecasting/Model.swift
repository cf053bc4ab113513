#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A way to forecast load.
///
/// A model is a value: its settings, no state. The simplest one repeats yesterday:
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
///
/// A model that learns keeps what it learned in a ModelSession, one a workload.
public protocol Model: Sendable {
  /// The name in settings, snapshots and metrics.
  var name: String { get }

  /// Forecasts the `steps` steps that follow `history`.
  ///
  /// - Parameters:
  ///   - history: the load so far, NaN where a sample is missing, the newest last.
  ///   - steps: how many steps to forecast; positive.
  ///   - quantiles: the levels wanted, each in (0, 1); a model that has none returns none.
  /// - Throws: ModelError when it cannot forecast from this history.
  func forecast(_ history: TimeSeries, steps: Int, quantiles: [Double]) throws -> Forecast

  /// A session for one workload, which may keep fitted state from call to call. The default keeps none.
  func makeSession() -> any ModelSession
}

extension Model {
  public func makeSession() -> any ModelSession { StatelessSession(model: self) }
}

/// A model at work on one workload: called with the same history, grown by the newest samples, again and again.
///
/// Owned by one forecast loop and never shared; so it needs no lock. A restarted loop collects its whole window again, and the
/// session learns from it anew; what only comparing forecasts with what came can teach is in its ``state``, which the loop
/// stores now and then and gives back after a restart.
public protocol ModelSession: Sendable {
  /// Forecasts as Model/forecast(_:steps:quantiles:) does, and may reuse what it learned in earlier calls.
  ///
  /// The session must notice by itself when `history` is not its earlier one grown by new samples, and start afresh.
  mutating func forecast(_ history: TimeSeries, steps: Int, quantiles: [Double]) async throws -> Forecast

  /// The same, told which of the samples are settled. A session that learns from samples learns from settled ones only.
  ///
  /// By default the change is not used, and ``forecast(_:steps:quantiles:)`` is called.
  mutating func forecast(
    _ history: TimeSeries, _ change: HistoryChange, steps: Int, quantiles: [Double]
  ) async throws -> Forecast

  /// What a session of the same model should know after a restart and cannot learn from a history: a few kilobytes, in a
  /// format of the model's own. Nil, as by default, when there is nothing.
  var state: Data? { get }

  /// Goes on from an earlier session's ``state``. By default it is ignored.
  ///
  /// The session must notice by itself when the state is not its own, or of another load than the next history, and do without.
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
  /// What happened to the samples that were settled in the previous call.
  public enum Kind: Sendable, Equatable {
    /// They are the same; new samples followed.
    case grown
    /// Some that were missing have come.
    case filled
    /// Some have other values: what was learned from them is void.
    case rewritten
  }

  /// The most samples at the end of a history that count as unsettled.
  public static let mostUnsettled = 128

  /// The change of the settled samples.
  public var kind: Kind
  /// How many samples at the end of the history can still change, ``mostUnsettled`` at most.
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

/// Why a model could not forecast.
public enum ModelError: Error, Equatable, CustomStringConvertible {
  /// The history is too short, or has too few samples present.
  case notEnoughHistory(needed: Int, present: Int)
  /// A setting does not fit the history or the request.
  case invalidSetting(model: String, setting: String, problem: String)
  /// A remote model failed; the text says what was asked, of whom, and what came back.
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
