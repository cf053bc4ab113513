#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Derives a lead time from measured start-ups: their 95th percentile plus one polling interval, within bounds, smoothed.
///
///     var estimator = LeadTimeEstimator(pollingInterval: .seconds(15), horizon: .seconds(1800))
///     estimator.add([61, 64, 74], at: now)
///     estimator.leadTime?.duration    // 89 s
///
/// A longer start-up counts by half with each measurement, a shorter one by an eighth: too short a lead time costs requests, too
/// long a one only pods. The lead time changes only when it would change by more than a tenth and five seconds.
package struct LeadTimeEstimator: Sendable, Equatable {
  /// The share of the pods that start within the measured time.
  static let level = 0.95
  /// The number of pods from which a measurement counts.
  package static let fewestPods = 3
  /// The bounds of a lead time; the horizon is a further upper bound.
  package static let bounds = Duration.seconds(15)...Duration.seconds(1800)
  /// The weight of a measurement above, and of one below the present estimate.
  private static let (risingWeight, fallingWeight) = (0.5, 0.125)
  /// The smallest change, as a share of the lead time and in seconds.
  private static let (leastShare, leastSeconds) = (0.1, 5.0)
  /// A pod that took longer was not starting all the time.
  private static let longestStartup = 86_400.0

  /// The present lead time; nil before the first measurement.
  package private(set) var leadTime: WorkloadLeadTime?

  private let pollingInterval: Duration
  private let mostSeconds: Double
  private var smoothed: Double?

  /// Creates an estimator.
  ///
  /// - Parameters:
  ///   - pollingInterval: how often KEDA's metric is requested.
  ///   - horizon: how far the plan reaches.
  package init(pollingInterval: Duration, horizon: Duration) {
    self.pollingInterval = pollingInterval
    mostSeconds = max(Self.bounds.lowerBound, min(Self.bounds.upperBound, horizon)).inSeconds
  }

  /// Continues from the lead time that an earlier process stored.
  package mutating func resume(from stored: WorkloadLeadTime) {
    // A setting that was replaced by a measurement is not one.
    guard stored.startup != nil, leadTime == nil else { return }
    smoothed = bounded(stored.duration.inSeconds)
    leadTime = WorkloadLeadTime(.seconds(bounded(stored.duration.inSeconds)), startup: stored.startup)
  }

  /// Takes a measurement.
  ///
  /// - Parameter seconds: the start-up of each pod.
  /// - Returns: whether there were enough pods; otherwise nothing changes.
  @discardableResult
  package mutating func add(_ seconds: [Double], at now: Date) -> Bool {
    let valid = seconds.filter { $0 >= 0 && $0 <= Self.longestStartup }
    guard valid.count >= Self.fewestPods else { return false }
    let startup = PodStartup(seconds: Self.percentile(of: valid), pods: valid.count, measuredAt: now)
    let wanted = bounded(startup.seconds + pollingInterval.inSeconds)
    guard let present = leadTime?.duration.inSeconds, let estimate = smoothed else {
      smoothed = wanted
      leadTime = WorkloadLeadTime(.seconds(wanted.rounded(.up)), startup: startup)
      return true
    }
    let next = estimate + (wanted - estimate) * (wanted > estimate ? Self.risingWeight : Self.fallingWeight)
    smoothed = next
    let isOther = abs(next - present) > max(Self.leastSeconds, present * Self.leastShare)
    leadTime = WorkloadLeadTime(.seconds(isOther ? next.rounded(.up) : present), startup: startup)
    return true
  }

  private func bounded(_ seconds: Double) -> Double {
    min(max(seconds, Self.bounds.lowerBound.inSeconds), mostSeconds)
  }

  /// The smallest number that at least 95 % of the numbers do not exceed (nearest rank).
  static func percentile(of numbers: [Double]) -> Double {
    let rank = Int((Double(numbers.count) * level - 1e-9).rounded(.up))
    return numbers.sorted()[max(1, min(rank, numbers.count)) - 1]
  }
}
