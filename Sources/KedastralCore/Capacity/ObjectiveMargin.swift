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
  func load(at step: Int, width: Double) -> Double { ObjectiveCurve.load(width: width, at: points(at: step)) }

  /// The loads of all widths.
  func curve(at step: Int) -> ObjectiveCurve {
    ObjectiveCurve(loads: ObjectiveCurve.widths.indices.map(points(at: step)))
  }

  /// The loads of the curve's widths, by their places.
  private func points(at step: Int) -> (Int) -> Double {
    let distribution = loads[step]
    func quantile(_ width: Double) -> Double {
      distribution.load(exceededWith: Self.chance(width: width, objective: objective))
    }
    let median = quantile(0)
    // Quantiles without any distance between them would leave nothing to widen.
    let least = max(0.02 * median, 0.1 * targetPerPod)
    let distance = max(quantile(1) - median, least)
    return { place in
      let width = ObjectiveCurve.widths[place]
      // Beyond the objective's quantile at least on a line: the tail of quantiles that are too near to each other never rises enough.
      return max(quantile(width), median + width * (width > 1 ? distance : least))
    }
  }
}

/// The planned load over the width of the margin, at a few widths; between and beyond them on lines.
struct ObjectiveCurve: Codable {
  static let widths = [0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1, 1.5, 2, 4]

  /// The load at each of the widths.
  private let loads: [Double]

  init(loads: [Double]) { self.loads = loads }

  /// Whether it has the shape of a curve, which a stored one need not have.
  var isSound: Bool {
    loads.count == Self.widths.count && loads.allSatisfy(\.isFinite)
      && zip(loads, loads.dropFirst()).allSatisfy { $0 <= $1 }
  }

  func load(width: Double) -> Double { Self.load(width: width) { loads[$0] } }

  /// The load of a width, from those of the two widths around it.
  static func load(width: Double, at point: (Int) -> Double) -> Double {
    let upper = widths.dropFirst().firstIndex { $0 >= width } ?? widths.count - 1
    let (from, to) = (widths[upper - 1], widths[upper])
    let lower = point(upper - 1)
    return lower + (point(upper) - lower) * (width - from) / (to - from)
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
