import KedastralCore

/// What a survey found for one workload: how well its load can be forecast, and what a forecast would have changed.
package struct SurveyFinding: Sendable, Equatable {
  /// Which autoscaling suits the workload.
  package enum Verdict: Sendable, Equatable {
    /// Forecasts are worth it.
    case forecast
    /// An HPA is enough.
    case autoscaler(Reason)
  }

  /// Why a workload should stay with an HPA.
  package enum Reason: Sendable, Equatable {
    /// There are fewer days of samples than a replay needs.
    case tooShort(days: Double)
    /// The peak needs at most the minimum pods, so no autoscaler has anything to do.
    case alwaysFewPods(Int)
    /// The HPA serves the load about as well.
    case littleToGain
    /// The load has no regular pattern, and the plan was short for longer than the HPA.
    case noPattern
    /// The load has a pattern, but the plan was short for longer than the HPA.
    case shortLonger
    /// The plan needs more pod-hours than the avoided minutes are valued at.
    case costsMore
  }

  /// The result of one policy over the judged time.
  package struct Outcome: Sendable, Equatable {
    /// The minutes with too few ready pods.
    package var violationMinutes: Double
    /// The pod-hours, starting pods included.
    package var podHours: Double

    /// Creates a result.
    package init(violationMinutes: Double, podHours: Double) {
      self.violationMinutes = violationMinutes
      self.podHours = podHours
    }
  }

  /// A setting of the plan's policy.
  package struct Setting: Sendable, Equatable {
    /// The quantile level that is planned for.
    package var level: Double
    /// The share of what a pod serves that the plan fills, in (0, 1].
    package var fill: Double

    /// Creates a setting.
    package init(level: Double, fill: Double = 1) {
      self.level = level
      self.fill = fill
    }
  }

  /// How well the load can be forecast an hour ahead.
  package struct Predictability: Sendable, Equatable {
    /// The sum of absolute errors over the sum of the load.
    package var relativeError: Double
    /// The mean absolute error over that of repeating the previous day.
    package var mase: Double

    /// Creates a measurement.
    package init(relativeError: Double, mase: Double) {
      self.relativeError = relativeError
      self.mase = mase
    }

    /// In a word, by the relative error: `high` up to 10 %, `medium` up to 25 %, else `low`; `unknown` without a measurement.
    package var word: String {
      guard relativeError.isFinite else { return "unknown" }
      return relativeError <= 0.1 ? "high" : relativeError <= 0.25 ? "medium" : "low"
    }
  }

  /// The workload's name.
  package var name: String
  /// The median of the load, in its unit.
  package var medianLoad: Double
  /// The 99th percentile of the load.
  package var peakLoad: Double
  /// The load that a pod can serve, as used in the replay.
  package var targetPerPod: Double
  /// How well the load can be forecast; nil when it was not measured.
  package var predictability: Predictability?
  /// The lengths of the load's seasons, the shortest first.
  package var seasons: [Duration] = []
  /// The minutes over which both policies were judged; 0 when they were not.
  package var judgedMinutes = 0.0
  /// The setting that was chosen for the plan.
  package var setting: Setting?
  /// The result of the HPA.
  package var autoscaler: Outcome?
  /// The result of the plan.
  package var plan: Outcome?
  /// Which autoscaling suits it.
  package var verdict: Verdict

  /// Creates a finding of a workload that was not replayed.
  package init(name: String, medianLoad: Double, peakLoad: Double, targetPerPod: Double, verdict: Verdict) {
    self.name = name
    self.medianLoad = medianLoad
    self.peakLoad = peakLoad
    self.targetPerPod = targetPerPod
    self.verdict = verdict
  }

  /// The load that the plan gives to a pod: `targetPerPod` of its configuration.
  package var plannedTarget: Double { targetPerPod * (setting?.fill ?? 1) }
  /// Whether forecasts are worth it.
  package var isWorthIt: Bool { verdict == .forecast }
  /// The minutes with too few pods that the plan avoids; negative when it adds some.
  package var minutesAvoided: Double {
    (autoscaler?.violationMinutes ?? 0) - (plan?.violationMinutes ?? 0)
  }
  /// The pod-hours that the plan saves; negative when it needs more.
  package var podHoursSaved: Double { (autoscaler?.podHours ?? 0) - (plan?.podHours ?? 0) }

  /// The objective to begin with: the largest of the usual shares of time that the plan reached, in (0.5, 1); nil without a
  /// plan that is worth it, and below the smallest of them.
  package var objective: Double? {
    guard isWorthIt, let plan, judgedMinutes > 0 else { return nil }
    let reached = 1 - plan.violationMinutes / judgedMinutes
    // A result of n minutes says nothing of shares nearer to 1 than about 10 / n.
    let most = 1 - 10 / judgedMinutes
    return [0.9999, 0.9995, 0.999, 0.998, 0.995, 0.99, 0.98, 0.95].first { $0 <= min(reached, most) + 1e-9 }
  }

  /// What is gained, in pod-hours.
  ///
  /// - Parameter minuteValue: the pod-hours that one avoided minute with too few pods is worth.
  package func gain(minuteValue: Double) -> Double { podHoursSaved + minuteValue * minutesAvoided }

  /// The findings in the order of a report: what is worth it first, then by what is gained.
  package static func ranked(_ findings: [SurveyFinding], minuteValue: Double) -> [SurveyFinding] {
    findings.sorted { one, other in
      if one.isWorthIt != other.isWorthIt { return one.isWorthIt }
      let (first, second) = (one.gain(minuteValue: minuteValue), other.gain(minuteValue: minuteValue))
      return first == second ? one.name < other.name : first > second
    }
  }
}
