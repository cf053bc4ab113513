import KedastralCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The baseline model of the Go implementation: the newest sample, extrapolated with its trend and the change of the trend, and
/// blended with the mean at the same minute of the hour, or else of the same hour, within its window.
/// It exists only for comparison.
struct ReferenceBaseline: Model {
  let name = "reference-baseline"
  /// How much history it is given, in seconds.
  var windowSeconds = 1800.0

  func forecast(_ history: TimeSeries, steps: Int, quantiles: [Double]) throws -> Forecast {
    let stepSeconds = history.step.inSeconds
    let window = history.suffix(max(2, Int(windowSeconds / stepSeconds)))
    let samples = window.values.enumerated().filter { $0.element.isFinite }
    guard let current = samples.last?.element else { throw ModelError.notEnoughHistory(needed: 1, present: 0) }
    let values = samples.map(\.element)
    let trend = Self.trend(values)
    // The change of trend from the older half to the newer one.
    let momentum =
      values.count < 6 ? 0 : Self.trend(values[(values.count / 2)...]) - Self.trend(values[..<(values.count / 2)])
    let seconds = samples.map { window.instant(at: $0.offset).timeIntervalSince1970 }
    let now = window.end.timeIntervalSince1970
    let forecast = (1...steps).map { step in
      let ahead = Double(step) * stepSeconds
      let carriedOn = current + trend * ahead + 0.5 * momentum * ahead * ahead / 60
      let minute = Self.bucket(now + ahead, size: 60, count: 60)
      let hour = Self.bucket(now + (ahead / 3600).rounded(.down) * 3600, size: 3600, count: 24)
      let season =
        Self.season(values, at: seconds, in: minute, size: 60, count: 60, isRising: momentum > 0)
        ?? Self.season(values, at: seconds, in: hour, size: 3600, count: 24, isRising: momentum > 0)
      return max(0, season.map { Self.blend(carriedOn, $0) } ?? carriedOn)
    }
    return Forecast(start: history.end, step: history.step, values: forecast, model: name)
  }

  /// The weight of the season, by its distance from the trend.
  private static func blend(_ carriedOn: Double, _ season: Double) -> Double {
    let ratio = season / (carriedOn + 1)
    let weight = ratio > 1.5 ? 0.8 : ratio > 1.2 ? 0.7 : ratio < 0.8 ? 0.6 : 0.5
    return (1 - weight) * carriedOn + weight * season
  }

  /// The mean of a bucket's samples, a third of the way to their maximum while the load speeds up; nil of fewer than two.
  private static func season(
    _ values: [Double], at seconds: [Double], in wanted: Int, size: Double, count: Int, isRising: Bool
  ) -> Double? {
    let members = zip(values, seconds).filter { bucket($1, size: size, count: count) == wanted }.map(\.0)
    guard members.count >= 2, let largest = members.max() else { return nil }
    let mean = members.reduce(0, +) / Double(members.count)
    return isRising && largest > mean ? 0.7 * mean + 0.3 * largest : mean
  }

  private static func bucket(_ seconds: Double, size: Double, count: Int) -> Int {
    Int((seconds / size + 1e-6).rounded(.down)) % count
  }

  /// The slope of the least-squares line through the last ten values, per second if they are a minute apart.
  private static func trend(_ values: some BidirectionalCollection<Double>) -> Double {
    let recent = Array(values.suffix(10))
    guard recent.count >= 2 else { return 0 }
    let middle = Double(recent.count - 1) / 2
    let mean = recent.reduce(0, +) / Double(recent.count)
    var (products, squares) = (0.0, 0.0)
    for (index, value) in recent.enumerated() {
      products += (Double(index) - middle) * (value - mean)
      squares += (Double(index) - middle) * (Double(index) - middle)
    }
    return products / squares / 60
  }
}
