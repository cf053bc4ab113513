#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// How many pods cost least, when a minute with too few of them has its price.
///
/// Pods cost a pod-minute a minute; a minute in which the load is more than they can serve costs as much as `podMinutes` of
/// them. The number with the least expected cost is sought anew for every step, among those that serve the expected load at
/// least: where the forecast is sure, pods that are nearly always enough are cheap; where it is not, the last ones would cost
/// more than they save. That is what a fixed quantile cannot do, which pays for the same certainty at any price.
///
/// A useful price is some times the pods that the workload usually has; a replay of its past shows which.
///
/// How likely a load is comes from the forecast's quantiles, straight between two of them and falling off exponentially above
/// the last one. A forecast knows only what has happened before; so a small share of steps is held to be a surprise, in which
/// the load grows beyond both forecast and present by a factor of r or more with probability r⁻⁵.
public struct ShortageCost: Sendable, Equatable {
  /// The pod-minutes that a minute with too few pods is worth; positive.
  public let podMinutes: Double

  /// The share of steps that hold a surprise, and how fast larger ones become rare.
  private static let surprise = (share: 0.03, exponent: 5.0)
  /// How many numbers of pods are compared at most.
  private static let finest = 1000

  /// Creates a price.
  ///
  /// - Precondition: `podMinutes` is positive and finite.
  public init(podMinutes: Double) {
    precondition(podMinutes > 0 && podMinutes.isFinite, "the cost is positive")
    self.podMinutes = podMinutes
  }

  /// Whether a forecast has quantiles enough to tell how likely a load is.
  package static func canWeigh(_ forecast: Forecast) -> Bool { paths(of: forecast).count >= 3 }

  private static func paths(of forecast: Forecast) -> [Quantiles.Path] {
    forecast.quantiles.paths.filter { $0.values.count == forecast.values.count }
  }

  /// The pods of least expected cost for each step; nil when the forecast has too few quantiles to tell.
  ///
  /// - Parameters:
  ///   - capacity: the most load that a pod can serve.
  ///   - present: the current load, when it is known.
  func pods(for forecast: Forecast, capacity: Double, present: Double?) -> [Int]? {
    guard Self.canWeigh(forecast) else { return nil }
    let paths = Self.paths(of: forecast)
    let levels = paths.map(\.level)
    return forecast.values.indices.map { step in
      let load = LoadDistribution(levels: levels, values: paths.map { $0.values[step] })
      return pods(for: load, median: forecast.values[step], capacity: capacity, present: present ?? 0)
    }
  }

  private func pods(for load: LoadDistribution, median: Double, capacity: Double, present: Double) -> Int {
    let base = max(median, present, 0)
    let most = max(1, min((max(load.highest, base * 2) / capacity).rounded(.up) + 2, 1e9))
    let least = min(max(0, (median / capacity - 1e-9).rounded(.up)), most)
    let stride = max(1, ((most - least) / Double(Self.finest)).rounded(.up))
    var best = (cost: Double.infinity, pods: least)
    for pods in Swift.stride(from: least, through: most, by: stride) {
      let served = pods * capacity
      let surprise = served <= base ? 1 : power(base / served, Self.surprise.exponent)
      let chance = (1 - Self.surprise.share) * load.chance(above: served) + Self.surprise.share * surprise
      let cost = pods + podMinutes * chance
      if cost < best.cost { best = (cost, pods) }
    }
    return Int(best.pods)
  }
}

/// A load that is known by some of its quantiles.
private struct LoadDistribution {
  let levels: [Double]
  let values: [Double]

  var highest: Double { values[values.count - 1] }

  /// The probability that the load is more than `served`.
  func chance(above served: Double) -> Double {
    let last = values.count - 1
    if served >= values[last] {
      // The tail falls off as between the third last quantile and the last one.
      let reach = naturalLogarithm((1 - levels[last - 2]) / (1 - levels[last]))
      let decay = (values[last] - values[last - 2]) / reach
      return decay > 0 && served.isFinite ? (1 - levels[last]) * exponential((values[last] - served) / decay) : 0
    }
    guard let upper = values.firstIndex(where: { $0 > served }), upper > 0 else {
      // Below the lowest quantile it reaches down by twice the distance to the next one.
      let width = 2 * (values[1] - values[0])
      return width > 0 ? 1 - levels[0] * max(0, 1 - (values[0] - served) / width) : 1
    }
    let width = values[upper] - values[upper - 1]
    let share = width > 0 ? (served - values[upper - 1]) / width : 1
    return 1 - (levels[upper - 1] + (levels[upper] - levels[upper - 1]) * share)
  }
}
