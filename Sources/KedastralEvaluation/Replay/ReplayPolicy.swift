import KedastralCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A policy that scales a simulated cluster; it sees only the past.
///
///     struct AlwaysTen: ReplayPolicy {
///       let name = "ten"
///       func desiredReplicas(_ view: ReplayView) -> Int { 10 }
///     }
public protocol ReplayPolicy: Sendable {
  /// The name in tables.
  var name: String { get }

  /// The requested forecasts, or nil when it needs none.
  var forecastNeed: ForecastNeed? { get }

  /// Takes over a new forecast, made at `now` from samples up to `now`.
  ///
  /// - Parameter history: the samples that the forecast was made of, the newest last.
  /// - Throws: when it cannot be used for a plan; the replay counts it as a failed forecast and continues.
  mutating func receive(_ forecast: Forecast, from history: TimeSeries, at now: Date) throws

  /// The number of pods from now on.
  mutating func desiredReplicas(_ view: ReplayView) -> Int
}

extension ReplayPolicy {
  public var forecastNeed: ForecastNeed? { nil }
  public mutating func receive(_ forecast: Forecast, from history: TimeSeries, at now: Date) {}
}

/// The forecasts that a policy wants. Policies that name the same model share its forecasts.
public struct ForecastNeed: Sendable {
  /// The model.
  public var model: any Model
  /// How far ahead to look.
  public var horizon: Duration
  /// The quantile levels.
  public var quantileLevels: [Double]

  /// Creates a need.
  public init(model: any Model, horizon: Duration, quantileLevels: [Double]) {
    self.model = model
    self.horizon = horizon
    self.quantileLevels = quantileLevels
  }
}

/// What an autoscaler sees at one sync.
public struct ReplayView: Sendable {
  /// The current instant.
  public let now: Date
  /// The number of the sync, from 0.
  public let sync: Int
  /// The load's rate over the last minute; NaN where it was not measured.
  public let observedLoad: Double
  /// The existing pods, including starting ones.
  public let orderedPods: Int
  /// The ready pods.
  public let readyPods: Int
}
