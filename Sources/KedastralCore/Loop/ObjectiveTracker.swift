#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Learns how wide the margin must be so that the pods suffice in the share of minutes that an objective asks for.
///
/// For each load that was measured it computes the width with which the plan made a lead time before would have sufficed, and counts
/// it in a histogram whose old counts fade: the width is the histogram's quantile at the objective (conformal prediction on a fading
/// window). The share that the quantile leaves out is itself corrected by each load, as in adaptive conformal inference (Gibbs and
/// Candès, 2021): fewer after loads that exceeded the plan, more after those that did not.
///
/// What an autoscaler makes of the plans counts, not the plans: it ignores small changes (Kubernetes: a tenth), so its pods can be fewer
/// than planned. Where they were, the load exceeded the plan.
///
/// Both are bounded: the width by ``widest``, the share by a factor, and what has faded no longer counts, so a bad hour does not
/// keep pods idle for weeks.
struct ObjectiveTracker: Codable, Sendable {
  private struct Promise: Codable {
    var instant: Date
    var curve: ObjectiveCurve
    /// The width that the plan had.
    var width: Double
    /// The pods that the autoscaler proposed for it; nil before the load of its instant is known.
    var proposal: Int?
  }

  /// One day's loads: how many were compared, and how many exceeded the plan.
  private struct Day: Codable {
    var day: Int
    var scored = 0
    var exceeded = 0
  }

  /// The largest width.
  static let widest = 4.0
  private static let binWidth = 0.05
  private static let binCount = Int(widest / binWidth) + 2
  /// The weight of what the forecast's quantiles say, in loads.
  private static let priorWeight = 200.0
  /// An autoscaler keeps the most replicas of this time, so a plan for an earlier step counts as long.
  private static let hold: Duration = .seconds(300)
  /// The relative change up to which an autoscaler keeps its pods.
  private static let tolerance = 0.1
  /// The days that ``reached`` is about.
  static let shownDays = 7
  /// The window that fades is as long as this many allowed exceptions take, in minutes; at least seven days and at most ten. With a
  /// shorter one, a day with bursts would widen the margin until the next day has shown that it is too wide.
  private static let exceptionsInWindow = 30.0
  /// The change of the allowed share with each load, and the largest factor by which it differs from the asked one.
  private static let correction = 0.01
  private static let largestCorrection = 3.0

  private let objective: Double
  private var promises: [Promise] = []
  private var settledUntil = Date.distantPast
  /// The weights of the widths needed: first none at all, last more than ``widest``.
  private var bins: [Double]
  /// The share of loads that may exceed the plan, as corrected by the loads that came.
  private var allowed: Double
  private var width: Double
  /// The pods that an autoscaler has by these plans; nil before the first one.
  private var pods: Int?
  private var days: [Day] = []

  /// Begins with what the forecast's quantiles say.
  init(objective: Double) {
    self.objective = objective
    allowed = 1 - objective
    width = 1
    func chance(above width: Double) -> Double { ObjectiveMargin.chance(width: width, objective: objective) }
    bins = (0..<Self.binCount).map { bin in
      let lower = Double(bin - 1) * Self.binWidth
      let upper = bin == Self.binCount - 1 ? 0 : chance(above: lower + Self.binWidth)
      return Self.priorWeight * ((bin == 0 ? 1 : chance(above: lower)) - upper)
    }
  }

  /// The width of the margin for the next plan.
  var currentWidth: Double { width }

  /// The share of the recent days' loads for which the plan sufficed; nil before there are any.
  var reached: Double? {
    let scored = days.reduce(0) { $0 + $1.scored }
    return scored > 0 ? 1 - Double(days.reduce(0) { $0 + $1.exceeded }) / Double(scored) : nil
  }

  /// Whether the state is valid, which a stored state need not be.
  func isSound(for objective: Double) -> Bool {
    self.objective == objective && bins.count == Self.binCount && bins.allSatisfy { $0.isFinite && $0 >= 0 }
      && (0...Self.widest).contains(width) && allowed > 0 && allowed < 1
      && promises.allSatisfy(\.curve.isSound) && (0...1_000_000).contains(pods ?? 0)
  }

  /// Compares the plans with the measured loads, except the last `unsettledCount` of them.
  mutating func settle(_ history: TimeSeries, unsettledCount: Int = 0, policy: StandardCapacityPolicy) {
    guard let end = history.lastInstant(dropping: unsettledCount) else { return }
    for (index, promise) in promises.enumerated() where promise.instant > settledUntil && promise.instant <= end {
      guard let load = history.value(at: promise.instant) else { continue }
      let held = scale(to: index, policy)
      learn(load, held, step: history.step, policy: policy)
    }
    settledUntil = max(settledUntil, end)
    // The others count for the next loads too.
    promises.removeAll { $0.instant <= end - Self.hold }
  }

  /// Lets the autoscaler take over the plan for an instant.
  ///
  /// - Returns: the plans that it holds then, this one the last.
  private mutating func scale(to index: Int, _ policy: StandardCapacityPolicy) -> [Promise] {
    let load = promises[index].curve.load(width: promises[index].width)
    let asked = min(max(policy.replicas(for: max(0, load)), policy.minReplicas), policy.maxReplicas)
    let current = pods ?? asked
    let isIgnored = Double((asked - current).magnitude) <= Self.tolerance * Double(current) + 1e-9
    promises[index].proposal = isIgnored ? current : asked
    let held = promises[...index].filter { $0.instant > promises[index].instant - Self.hold }
    pods = max(promises[index].proposal ?? asked, min(current, held.compactMap(\.proposal).max() ?? asked))
    return held
  }

  private mutating func learn(
    _ load: Double, _ held: [Promise], step: Duration, policy: StandardCapacityPolicy
  ) {
    let need = (load / policy.targetPerPod - 1e-9).rounded(.up)
    // More pods than the maximum come with no width.
    guard let instant = held.last?.instant, need <= Double(policy.maxReplicas) else { return }
    let needed = need <= Double(policy.minReplicas) ? -1 : policy.leastLoad(for: need)
    let widths = held.map { needed < $0.curve.load(width: 0) ? -1 : $0.curve.width(of: needed) }
    let width = widths.min() ?? 0
    let isExceeded = Double(pods ?? 0) < need
    let share = 1 - objective
    let longest = min(max(Self.exceptionsInWindow / share * 60, 7 * 86_400), 10 * 86_400) / step.inSeconds
    // It grows with the loads that are known, so that what the forecast's quantiles say fades soon.
    let window = min(longest, max(86_400 / step.inSeconds, 2 * bins.reduce(0, +)))
    for bin in bins.indices { bins[bin] *= 1 - 1 / window }
    bins[min(max(0, Int((width / Self.binWidth).rounded(.down)) + 1), Self.binCount - 1)] += 1
    allowed += Self.correction * share * (share - (isExceeded ? 1 : 0))
    allowed = min(max(allowed, share / Self.largestCorrection), share * Self.largestCorrection)
    self.width = widthAtAllowedShare()
    count(isExceeded, at: instant)
  }

  /// The smallest width that at most the allowed share of the loads would have exceeded.
  private func widthAtAllowedShare() -> Double {
    let most = allowed * bins.reduce(0, +)
    var above = 0.0
    for bin in bins.indices.reversed() {
      above += bins[bin]
      if above > most { return min(Double(bin) * Self.binWidth, Self.widest) }
    }
    return 0
  }

  private mutating func count(_ isExceeded: Bool, at instant: Date) {
    let day = instant.utcDay
    if days.last?.day != day {
      days.append(Day(day: day))
      days.removeAll { $0.day <= day - Self.shownDays }
    }
    days[days.count - 1].scored += 1
    if isExceeded { days[days.count - 1].exceeded += 1 }
  }

  /// Keeps the margin that a plan has for the instant one lead time ahead.
  mutating func remember(_ forecast: Forecast, leadTime: Duration, policy: StandardCapacityPolicy) {
    guard
      let margin = ObjectiveMargin(forecast, objective: objective, targetPerPod: policy.targetPerPod),
      !forecast.values.isEmpty
    else { return }
    let ahead = max(1, Int((leadTime.inSeconds / forecast.step.inSeconds - 1e-9).rounded(.up)))
    let index = min(forecast.values.count, ahead) - 1
    let instant = forecast.start + forecast.step * (index + 1)
    promises.removeAll { $0.instant >= instant - forecast.step / 2 }
    promises.append(
      Promise(instant: instant, curve: margin.curve(at: index), width: width))
  }
}
