import KedastralCore
import KedastralEvaluation

/// The words of a survey's results, the same in all formats.
extension SurveyFinding {
  /// The recommendation in a few words: `forecast, p95`, or `HPA: little to gain`.
  var advice: String {
    switch verdict {
    case .forecast: "forecast, \(settingText)"
    case .autoscaler(let reason): "HPA: \(reason.short)"
    }
  }

  /// The setting: `p95`, or `p99, 90 % filled` when pods are not to be filled.
  var settingText: String {
    guard let setting else { return "" }
    let level = "p\((setting.level * 100).shortText)"
    return setting.fill < 1 ? "\(level), \(setting.fill.percent(0)) filled" : level
  }

  /// The objective to begin with: `99.9 %`.
  var objectiveText: String { objective.map { "\(($0 * 100).shortText) %" } ?? "–" }

  /// The seasons: `1 day, 1 week`.
  var seasonText: String {
    seasons.isEmpty ? "none" : seasons.map(DurationText.words).joined(separator: ", ")
  }

  /// How well the load can be forecast: `high (error 6 %)`.
  var predictabilityText: String {
    guard let predictability else { return "–" }
    return "\(predictability.word) (error \(predictability.relativeError.percent(0)))"
  }

  /// Why the workload should stay with an HPA, or what it gains, in a sentence.
  var sentence: String {
    switch verdict {
    case .forecast:
      let avoided = minutesAvoided.text(0)
      let saved = podHoursSaved.text(0)
      return podHoursSaved >= 0
        ? "\(avoided) fewer minutes with too few pods and \(saved) fewer pod-hours"
        : "\(avoided) fewer minutes with too few pods for \((-podHoursSaved).text(0)) more pod-hours"
    case .autoscaler(let reason): return reason.sentence
    }
  }
}

extension SurveyFinding.Reason {
  /// A few words for a table.
  var short: String {
    switch self {
    case .tooShort: "too little history"
    case .alwaysFewPods: "too small"
    case .littleToGain: "little to gain"
    case .noPattern: "no pattern"
    case .shortLonger: "too volatile"
    case .costsMore: "costs more"
    }
  }

  /// A word that does not change with the text, for scripts.
  var code: String {
    switch self {
    case .tooShort: "too-short"
    case .alwaysFewPods: "always-few-pods"
    case .littleToGain: "little-to-gain"
    case .noPattern: "no-pattern"
    case .shortLonger: "short-longer"
    case .costsMore: "costs-more"
    }
  }

  /// The reason in a sentence.
  var sentence: String {
    switch self {
    case .tooShort(let days):
      "there are only \(days.text(1)) days of samples, expected at least \(WorkloadSurvey.leastDays.shortText) days"
    case .alwaysFewPods(let pods):
      "\(pods == 1 ? "one pod serves" : "\(pods) pods serve") even the peak, so there is nothing to scale"
    case .littleToGain: "an HPA serves this load about as well"
    case .noPattern: "the load has no pattern that a forecast could use, and plans were short for longer than the HPA"
    case .shortLonger:
      "the load deviates from its pattern too much: plans were short for longer than the HPA"
    case .costsMore: "a plan needs more pod-hours than the avoided minutes are worth"
    }
  }
}
