import KedastralCore

/// The results of one policy for different values of its parameter: more pod-hours, fewer violations.
///
/// Two policies are compared at equal pod-hours, since either could always be better by paying more:
///
///     let ratio = kedastral.violationMinutes(atPodHours: hpa.podHours)! / hpa.violationMinutes
public struct Frontier: Sendable, Equatable {
  /// The results for one value of the varied parameter.
  public struct Point: Sendable, Equatable {
    /// The parameter's human-readable value: `u=0.7`, `q=0.95`.
    public var knob: String
    /// The results.
    public var figures: ReplayFigures

    /// Creates a point.
    public init(knob: String, figures: ReplayFigures) {
      self.knob = knob
      self.figures = figures
    }
  }

  /// The points in ascending order of pod-hours.
  public let points: [Point]

  /// Creates a frontier of points in any order.
  public init(_ points: [Point]) {
    self.points = points.sorted {
      ($0.figures.podHours, -$0.figures.violationMinutes) < ($1.figures.podHours, -$1.figures.violationMinutes)
    }
  }

  /// The violation minutes at a cost, linear between the two settings around it.
  ///
  /// - Returns: nil below the cheapest setting; above the most expensive one its own minutes, an upper bound.
  public func violationMinutes(atPodHours podHours: Double) -> Double? {
    value(atPodHours: podHours) { $0.violationMinutes }
  }

  /// The unserved share at a cost; see ``violationMinutes(atPodHours:)``.
  public func unservedShare(atPodHours podHours: Double) -> Double? {
    value(atPodHours: podHours) { $0.unservedShare }
  }

  private func value(atPodHours podHours: Double, _ figure: (ReplayFigures) -> Double) -> Double? {
    guard let first = points.first, let last = points.last, podHours >= first.figures.podHours - 1e-9 else {
      return nil
    }
    guard let upper = points.firstIndex(where: { $0.figures.podHours > podHours }), upper > 0 else {
      return figure(last.figures)
    }
    let (left, right) = (points[upper - 1].figures, points[upper].figures)
    let share = (podHours - left.podHours) / (right.podHours - left.podHours)
    return figure(left) * (1 - share) + figure(right) * share
  }
}

/// The ratio of two counts of violation minutes, with one minute added to each to avoid a division by zero.
public func violationRatio(_ minutes: Double, to other: Double) -> Double { (minutes + 1) / (other + 1) }
