import KedastralCore

/// Intermittent load: smooths the size of a demand and the time between demands apart (Croston 1972), without Croston's bias
/// (Syntetos & Boylan 2005).
public struct Croston: Model {
  /// `croston`.
  public let name = "croston"
  /// The smoothing of sizes and intervals, in (0, 1).
  public let smoothing: Double

  /// Creates the model.
  public init(smoothing: Double = 0.1) {
    self.smoothing = smoothing
  }

  /// Forecasts the mean demand per step; quantiles are those of the history's last thousand samples around it, since a
  /// step of intermittent load is nearly always either nothing or a whole demand.
  public func forecast(_ history: TimeSeries, steps: Int, quantiles: [Double]) throws -> Forecast {
    guard smoothing > 0, smoothing < 1 else {
      throw ModelError.invalidSetting(model: name, setting: "smoothing", problem: "must be between 0 and 1")
    }
    let present = history.values.filter(\.isFinite).map { max(0, $0) }
    guard !present.isEmpty else { throw ModelError.notEnoughHistory(needed: 1, present: 0) }
    let rate = Self.rate(present, smoothing: smoothing)
    let sorted = present.suffix(1000).sorted()
    var floor = 0.0
    let paths = quantiles.sorted().map { level in
      floor = max(floor, OrderStatistics.quantile(level, ofSorted: sorted))
      return Quantiles.Path(level: level, values: Array(repeating: floor, count: steps))
    }
    return Forecast(
      start: history.end, step: history.step, values: Array(repeating: rate, count: steps), quantiles: Quantiles(paths),
      model: name, reason: "mean of intermittent demand")
  }

  static func rate(_ values: [Double], smoothing: Double) -> Double {
    var size: Double?
    var interval = 1.0
    var sinceLast = 1.0
    for value in values {
      guard value > 0 else {
        sinceLast += 1
        continue
      }
      if let before = size {
        size = before + smoothing * (value - before)
        interval += smoothing * (sinceLast - interval)
      } else {
        (size, interval) = (value, sinceLast)
      }
      sinceLast = 1
    }
    return (1 - smoothing / 2) * (size ?? 0) / interval
  }
}
