import FoundationEssentials
import KedastralCore
import KedastralDaemon
import KedastralEvaluation
import KedastralHTTP

/// How a survey is written.
enum SurveyFormat: String, CaseIterable {
  case table
  case json
  case yaml
  case html

  static var names: [String] { allCases.map(\.rawValue) }
}

/// A surveyed workload: its finding, and the query that returns it alone.
struct SurveyedWorkload {
  var finding: SurveyFinding
  var query: String
}

/// The results of a survey.
struct SurveyReport {
  /// The conditions of a survey, which its results must be read with.
  struct Conditions {
    var query: String
    var url: String
    var tokenFile: String?
    var days: Double
    var step: Duration
    var survey: WorkloadSurvey
    var price: Double?
    var madeAt: Date
    /// The number of series that were left out, those with the least load.
    var leftOut = 0
  }

  let conditions: Conditions
  /// In the order of the report.
  let workloads: [SurveyedWorkload]

  init(_ workloads: [SurveyedWorkload], _ conditions: Conditions) {
    self.conditions = conditions
    let order = SurveyFinding.ranked(workloads.map(\.finding), minuteValue: conditions.survey.rule.minuteValue)
    let byName = Dictionary(workloads.map { ($0.finding.name, $0) }) { first, _ in first }
    self.workloads = order.compactMap { byName[$0.name] }
  }

  /// The findings in the order of the report.
  var findings: [SurveyFinding] { workloads.map(\.finding) }
  /// What is worth a forecast.
  var worthIt: [SurveyFinding] { findings.filter(\.isWorthIt) }

  func text(_ format: SurveyFormat, style: TextStyle) -> String {
    switch format {
    case .table: (lines(style) + ["", table.text(style)] + reasons).joined(separator: "\n")
    case .json: String(decoding: json, as: UTF8.self)
    case .yaml: SurveyConfiguration(self).text
    case .html: SurveyPage(self).html
    }
  }

  // MARK: - Sums

  /// The days over which policies were compared; the longest of all workloads.
  var judgedDays: Double { (findings.map(\.judgedMinutes).max() ?? 0) / 1440 }
  /// The minutes with too few pods that forecasts avoid where they are worth it.
  var minutesAvoided: Double { worthIt.map(\.minutesAvoided).reduce(0, +) }
  /// The pod-hours that forecasts save where they are worth it.
  var podHoursSaved: Double { worthIt.map(\.podHoursSaved).reduce(0, +) }
  /// The saved share of the pod-hours of the workloads that are worth it; NaN for none.
  var savedShare: Double {
    let hours = worthIt.compactMap(\.autoscaler?.podHours).reduce(0, +)
    return hours > 0 ? podHoursSaved / hours : .nan
  }
  /// What is saved in 30 days at the given price.
  var savedPerMonth: Double? {
    judgedDays > 0 ? conditions.price.map { $0 * podHoursSaved * 30 / judgedDays } : nil
  }

  // MARK: - Words

  /// The result in one sentence.
  var summary: String {
    guard !worthIt.isEmpty else { return "None of \(findings.count) workloads is worth a forecast: stay with the HPA" }
    let hours =
      podHoursSaved >= 0
      ? "\(podHoursSaved.text(0)) pod-hours saved (\(savedShare.percent(0)))"
      : "\((-podHoursSaved).text(0)) more pod-hours (\((-savedShare).percent(0)))"
    let money = savedPerMonth.map { ", \($0.text(0)) saved in 30 days" } ?? ""
    return
      "\(worthIt.count) of \(findings.count) workloads are worth a forecast: in \(judgedDays.text(1)) days \(minutesAvoided.text(0)) minutes with too few pods avoided, \(hours)\(money)"
  }

  /// Where the target per pod comes from.
  var targetNote: String {
    switch conditions.survey.target {
    case .given(let target): "A pod serves \(target.shortText), as given with --target-per-pod."
    case .peakPods(let pods):
      "Derived, not known: a pod serves so much that the 99th percentile of each load needs \(pods.shortText) pods. Pod-hours and money are true only as far as this is; give --target-per-pod, or measure it with kedastral calibrate."
    }
  }

  /// How the comparison was made.
  var methodNote: String {
    let survey = conditions.survey
    return
      "Pods start in \(DurationText.format(survey.startup)); the HPA holds \(survey.utilization.percent(0)) of what a pod serves. The plan's setting was chosen on the first half of the replayed time, the results are of the second half."
  }

  /// What the order is.
  var orderNote: String {
    let value = conditions.survey.rule.minuteValue
    return
      "Ordered by pod-hours saved, with \(value.shortText) pod-hour\(value == 1 ? "" : "s") for each avoided minute with too few pods."
  }

  private func lines(_ style: TextStyle) -> [String] {
    var lines = [style(summary + ".", .heading), targetNote, methodNote, orderNote]
    if let note = leftOutNote { lines.append(style(note, .warning)) }
    return lines
  }

  /// What was left out; nil when nothing was.
  var leftOutNote: String? {
    conditions.leftOut > 0
      ? "\(conditions.leftOut) series with the least load were left out; raise --limit to include them." : nil
  }

  private var table: TextTable {
    let price = conditions.price
    var table = TextTable(
      [
        "workload", "recommended", "objective", "predictability", "season", "short min HPA", "plan", "pod-hours HPA",
        "plan",
        "saved",
      ] + (price == nil ? [] : ["money"]), textColumns: 5)
    for finding in findings {
      let (hpa, plan) = (finding.autoscaler, finding.plan)
      let share = (hpa?.podHours).map { finding.podHoursSaved / $0 } ?? .nan
      table.add(
        [
          finding.name, finding.advice, finding.objectiveText, finding.predictabilityText, finding.seasonText,
          (hpa?.violationMinutes ?? .nan).text(0), (plan?.violationMinutes ?? .nan).text(0),
          (hpa?.podHours ?? .nan).text(0),
          (plan?.podHours ?? .nan).text(0), share.percent(0),
        ] + (price.map { [(hpa == nil ? .nan : $0 * finding.podHoursSaved).text(2)] } ?? []),
        finding.isWorthIt ? .good : nil)
    }
    return table
  }

  /// Why workloads should stay with an HPA.
  private var reasons: [String] {
    let staying = findings.filter { !$0.isWorthIt }
    guard !staying.isEmpty else { return [] }
    return ["", "These should stay with an HPA:"] + staying.map { "  \($0.name): \($0.sentence)" }
  }

  // MARK: - JSON

  private var json: [UInt8] {
    var text = JSONText()
    text.object {
      $0.member("query", conditions.query)
      $0.member("madeAt", Timestamp.format(conditions.madeAt))
      $0.member("days", conditions.days)
      $0.member("judgedDays", judgedDays)
      $0.member("startupSeconds", conditions.survey.startup.inSeconds)
      $0.member("utilization", conditions.survey.utilization)
      switch conditions.survey.target {
      case .given(let target): $0.member("targetPerPod", target)
      case .peakPods(let pods): $0.member("peakPods", pods)
      }
      $0.member("isTargetDerived", conditions.survey.target.isDerived)
      $0.member("minuteValue", conditions.survey.rule.minuteValue)
      if let price = conditions.price { $0.member("price", price) }
      $0.member("worthIt", Double(worthIt.count))
      $0.member("minutesAvoided", minutesAvoided)
      $0.member("podHoursSaved", podHoursSaved)
      if let saved = savedPerMonth { $0.member("savedPer30Days", saved) }
      $0.member("leftOut", Double(conditions.leftOut))
      $0.member("workloads") { $0.array(workloads) { text, workload in write(workload, to: &text) } }
    }
    return text.bytes
  }

  private func write(_ workload: SurveyedWorkload, to text: inout JSONText) {
    let finding = workload.finding
    text.object {
      $0.member("workload", finding.name)
      $0.member("query", workload.query)
      switch finding.verdict {
      case .forecast: $0.member("recommended", "forecast")
      case .autoscaler(let reason):
        $0.member("recommended", "hpa")
        $0.member("reason", reason.code)
      }
      $0.member("sentence", finding.sentence)
      $0.member("medianLoad", finding.medianLoad)
      $0.member("peakLoad", finding.peakLoad)
      $0.member("targetPerPod", finding.targetPerPod)
      if let predictability = finding.predictability {
        $0.member("predictability", predictability.word)
        $0.member("relativeError", predictability.relativeError)
        $0.member("mase", predictability.mase)
      }
      $0.member("seasonSeconds") { $0.array(finding.seasons) { $0.number($1.inSeconds) } }
      guard let hpa = finding.autoscaler, let plan = finding.plan else { return }
      if let setting = finding.setting {
        $0.member("quantileLevel", setting.level)
        $0.member("plannedTargetPerPod", finding.plannedTarget)
      }
      if let objective = finding.objective { $0.member("objective", objective) }
      $0.member("judgedMinutes", finding.judgedMinutes)
      for (name, outcome) in [("hpa", hpa), ("plan", plan)] {
        $0.member(name) {
          $0.object {
            $0.member("violationMinutes", outcome.violationMinutes)
            $0.member("podHours", outcome.podHours)
          }
        }
      }
      $0.member("minutesAvoided", finding.minutesAvoided)
      $0.member("podHoursSaved", finding.podHoursSaved)
      if let price = conditions.price { $0.member("moneySaved", price * finding.podHoursSaved) }
    }
  }
}

extension WorkloadSurvey.Target {
  /// Whether the load that a pod serves is an assumption.
  var isDerived: Bool { if case .peakPods = self { true } else { false } }
}
