#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Finds the number of pods with the least expected cost, given the cost of a minute with too few pods.
///
/// A pod costs one pod-minute per minute; a minute in which the load exceeds the capacity costs `podMinutes` pod-minutes. The
/// number of pods with the least expected cost is computed for every step, among the numbers that serve at least the expected load.
/// When the forecast is confident, a number that is nearly always enough is cheap; when it is not, the last pods would cost more
/// than they save. A fixed quantile cannot do this, because it pays for the same probability at any price.
///
/// A useful cost is a few times the usual number of pods of the workload; a replay of its history shows which.
///
/// The probability of a load is computed from the forecast's quantiles: linear between two of them, and with an exponential tail
/// above the last one. A forecast reflects only the history, so a small share of steps is assumed to contain a surprise, in which
/// the load exceeds both the forecast and the current load by a factor of r or more with probability r⁻⁵.
public struct ShortageCost: Sendable, Equatable {
  /// The cost of a minute with too few pods, in pod-minutes; positive.
  public let podMinutes: Double

  /// The share of steps with a surprise, and the exponent with which larger surprises become rare.
  private static let surprise = (share: 0.03, exponent: 5.0)
  /// The maximum number of pod counts to compare.
  private static let finest = 1000

  /// Creates a shortage cost.
  ///
  /// - Precondition: `podMinutes` is positive and finite.
  public init(podMinutes: Double) {
    precondition(podMinutes > 0 && podMinutes.isFinite, "the cost is positive")
    self.podMinutes = podMinutes
  }

  /// Whether a forecast has enough quantiles to compute the probability of a load.
  package static func canWeigh(_ forecast: Forecast) -> Bool { LoadDistributions(forecast) != nil }

  /// The number of pods with the least expected cost for each step; nil when the forecast has too few quantiles.
  ///
  /// - Parameters:
  ///   - capacity: the maximum load that a pod can serve.
  ///   - present: the current load, when it is known.
  func pods(for forecast: Forecast, capacity: Double, present: Double?) -> [Int]? {
    guard let loads = LoadDistributions(forecast) else { return nil }
    return forecast.values.indices.map { step in
      pods(for: loads[step], median: forecast.values[step], capacity: capacity, present: present ?? 0)
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
