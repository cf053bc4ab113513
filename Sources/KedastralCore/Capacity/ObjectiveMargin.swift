/// The load that an objective plans for: a quantile of the forecast, further out the wider the margin is.
///
/// With a width of 0 it is the median, with a width of 1 the quantile that the objective names. Between and beyond them the chance
/// that the load is exceeded falls by the same factor for the same width; a width above 1 is also that many times the distance of this
/// quantile from the median. ``ObjectiveTracker`` learns the width from the loads that
/// came; it is 1 where the forecast's quantiles are right.
struct ObjectiveMargin {
  private let loads: LoadDistributions
  private let objective: Double
  private let targetPerPod: Double

  /// The margins over a forecast; nil when it has too few quantiles.
  init?(_ forecast: Forecast, objective: Double, targetPerPod: Double) {
    guard let loads = LoadDistributions(forecast) else { return nil }
    self.loads = loads
    (self.objective, self.targetPerPod) = (objective, targetPerPod)
  }

  /// The chance with which the load of a width is exceeded, where the forecast's quantiles are right.
  static func chance(width: Double, objective: Double) -> Double { 0.5 * power(2 * (1 - objective), width) }

  /// The load to plan for.
  func load(at step: Int, width: Double) -> Double { curve(at: step).load(width: width) }

  /// The loads of all widths.
  func curve(at step: Int) -> ObjectiveCurve {
    let distribution = loads[step]
    func load(_ width: Double) -> Double {
      distribution.load(exceededWith: Self.chance(width: width, objective: objective))
    }
    let median = load(0)
    return ObjectiveCurve(
      loads: ObjectiveCurve.widths.map(load),
      // Quantiles without any distance between them would leave nothing to widen.
      median: median, least: max(0.02 * median, 0.1 * targetPerPod))
  }
}

/// The planned load over the width of the margin, at a few widths; between and beyond them on lines.
struct ObjectiveCurve: Codable {
  static let widths = [0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1, 1.5, 2, 4]

  private let loads: [Double]

  /// - Parameters:
  ///   - loads: the quantiles of the widths.
  ///   - least: how far above the median the load of width 1 is at least.
  init(loads: [Double], median: Double, least: Double) {
    let named = zip(Self.widths, loads).first { $0.0 == 1 }?.1 ?? median
    let distance = max(named - median, least)
    // Beyond the objective's quantile at least on a line: the tail of quantiles that are too near to each other never rises enough.
    self.loads = zip(Self.widths, loads).map { width, load in
      max(load, median + width * (width > 1 ? distance : least))
    }
  }

  /// Whether it has the shape of a curve, which a stored one need not have.
  var isSound: Bool {
    loads.count == Self.widths.count && loads.allSatisfy(\.isFinite)
      && zip(loads, loads.dropFirst()).allSatisfy { $0 <= $1 }
  }

  func load(width: Double) -> Double {
    let upper = Self.widths.dropFirst().firstIndex { $0 >= width } ?? Self.widths.count - 1
    let (from, to) = (Self.widths[upper - 1], Self.widths[upper])
    return loads[upper - 1] + (loads[upper] - loads[upper - 1]) * (width - from) / (to - from)
  }

  /// The width whose load is `load`, 0 or more.
  func width(of load: Double) -> Double {
    guard load > loads[0] else { return 0 }
    let upper = loads.dropFirst().firstIndex { $0 >= load } ?? Self.widths.count - 1
    let (from, to) = (loads[upper - 1], loads[upper])
    guard to > from else { return Self.widths[upper] }
    return Self.widths[upper - 1] + (Self.widths[upper] - Self.widths[upper - 1]) * (load - from) / (to - from)
  }
}

extension CapacityPolicy {
  /// The standard policy with an objective that this policy is or wraps.
  var objectivePolicy: StandardCapacityPolicy? {
    switch self {
    case let policy as StandardCapacityPolicy: policy.objective == nil ? nil : policy
    case let gate as AccuracyGate: gate.policy.objectivePolicy
    case let bounds as ScheduledBounds: bounds.policy.objectivePolicy
    default: nil
    }
  }
}
