/// How a survey chooses a setting and reaches its verdict: pure arithmetic on the results of a replay.
package struct SurveyRule: Sendable, Equatable {
  /// The share of the time in which too few pods are accepted even when the HPA had none.
  static let acceptedShare = 0.001
  /// Up to this share of the HPA's pod-hours, savings do not count as a gain.
  static let leastSaving = 0.02
  /// Up to this share of the time, avoided minutes do not count as a gain.
  static let leastAvoidedShare = 0.0005
  /// A minute short may exceed what was accepted by this factor in the time that the setting was not chosen on.
  static let tolerance = 1.5

  /// The pod-hours that one avoided minute with too few pods is worth.
  package var minuteValue: Double

  /// Creates a rule.
  package init(minuteValue: Double = 1) { self.minuteValue = minuteValue }

  /// The violation minutes that a plan may have where the HPA had `autoscaler` of them.
  func acceptedMinutes(_ autoscaler: SurveyFinding.Outcome, of minutes: Double) -> Double {
    max(autoscaler.violationMinutes, Self.acceptedShare * minutes)
  }

  /// The index of the chosen candidate: of those that are not short for longer than accepted, the one that gains most; the one
  /// with the fewest violation minutes when there is none.
  ///
  /// - Parameters:
  ///   - candidates: the results of the candidates in the time for choosing.
  ///   - autoscaler: the result of the HPA in the same time.
  ///   - minutes: the length of that time.
  /// - Returns: nil when there are no candidates.
  package func choice(
    _ candidates: [SurveyFinding.Outcome], against autoscaler: SurveyFinding.Outcome, minutes: Double
  ) -> Int? {
    let accepted = acceptedMinutes(autoscaler, of: minutes)
    let good = candidates.indices.filter { candidates[$0].violationMinutes <= accepted + 1e-9 }
    // Without a gain from fewer minutes than accepted, the cheapest plan would be chosen at the edge of what is accepted.
    func gain(_ index: Int) -> Double {
      (autoscaler.podHours - candidates[index].podHours)
        + minuteValue * (autoscaler.violationMinutes - candidates[index].violationMinutes)
    }
    return good.max { gain($0) < gain($1) }
      ?? candidates.indices.min { candidates[$0].violationMinutes < candidates[$1].violationMinutes }
  }

  /// The verdict of the results in the time that the setting was not chosen on.
  package func verdict(
    _ plan: SurveyFinding.Outcome, against autoscaler: SurveyFinding.Outcome, minutes: Double,
    predictability: SurveyFinding.Predictability?
  ) -> SurveyFinding.Verdict {
    let avoided = autoscaler.violationMinutes - plan.violationMinutes
    let saved = autoscaler.podHours - plan.podHours
    guard plan.violationMinutes <= Self.tolerance * acceptedMinutes(autoscaler, of: minutes) + 1e-9 else {
      return .autoscaler((predictability?.mase ?? 0) >= 1 ? .noPattern : .shortLonger)
    }
    if saved < Self.leastSaving * autoscaler.podHours, avoided < Self.leastAvoidedShare * minutes {
      return .autoscaler(.littleToGain)
    }
    return saved + minuteValue * avoided > 0 ? .forecast : .autoscaler(.costsMore)
  }
}
