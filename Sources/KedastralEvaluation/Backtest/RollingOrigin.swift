import KedastralCore

/// Where a backtest splits a series: at each origin a model receives the window before it and forecasts the horizon
/// after it.
///
///     let protocol = RollingOrigin.standard(step: .seconds(60))
///     protocol.origins(count: series.count)     // 20 origins in the last fifth
public struct RollingOrigin: Sendable, Equatable {
  /// The number of forecast steps.
  public var horizon: Int
  /// The maximum number of samples that a model receives.
  public var window: Int
  /// The season of the error scale, in steps.
  public var season: Int
  /// The number of origins.
  public var originCount: Int
  /// The share of the series before the first origin.
  public var firstShare: Double

  /// Creates a protocol.
  public init(horizon: Int, window: Int, season: Int, originCount: Int = 20, firstShare: Double = 0.8) {
    self.horizon = horizon
    self.window = window
    self.season = season
    self.originCount = originCount
    self.firstShare = firstShare
  }

  /// One hour ahead from a week of minutes, or from two weeks of longer steps; a day ahead from 28 days at half-hour steps and
  /// longer.
  public static func standard(step: Duration) -> RollingOrigin {
    let seconds = step.inSeconds
    let day = max(1, Int(86_400 / seconds))
    let horizon = seconds >= 1800 ? day : max(1, Int(3600 / seconds))
    let days = seconds <= 60 ? 7 : seconds >= 1800 ? 28 : 14
    return RollingOrigin(horizon: horizon, window: days * day, season: day)
  }

  /// The index of the first forecast step at each origin; fewer than `originCount` when the series is short, none when it
  /// does not reach beyond one horizon.
  public func origins(count: Int) -> [Int] {
    let first = Int(firstShare * Double(count))
    let room = count - horizon - first
    guard room >= 0, first > 0, originCount > 0 else { return [] }
    guard originCount > 1 else { return [first] }
    var origins: [Int] = []
    for index in 0..<originCount {
      let origin = first + index * room / (originCount - 1)
      if origins.last != origin { origins.append(origin) }
    }
    return origins
  }
}
