import FoundationEssentials
import KedastralCore
import KedastralDaemon
import KedastralEvaluation
import KedastralHTTP

/// The configuration to start with: the workloads that are worth a forecast, in dry run.
struct SurveyConfiguration {
  private let report: SurveyReport

  init(_ report: SurveyReport) { self.report = report }

  /// The file.
  var text: String {
    let conditions = report.conditions
    let chosen = report.workloads.filter(\.finding.isWorthIt)
    var lines = [
      "# \(report.summary) (kedastral survey, \(Timestamp.format(conditions.madeAt))).",
      "# dryRun: plans are computed and shown, but the scaler does not serve them. Remove it to begin.",
    ]
    if conditions.survey.target.isDerived {
      lines.append(
        "# targetPerPod is derived, not known: measure it with kedastral calibrate before dryRun is removed.")
    }
    guard !chosen.isEmpty else { return lines[0] }
    lines += [
      "defaults:", "  metric: load", "  dryRun: true", "  source:", "    type: prometheus",
      "    url: \(Self.scalar(conditions.url))",
    ]
    if let file = conditions.tokenFile { lines.append("    bearerTokenFile: \(Self.scalar(file))") }
    lines += ["", "workloads:"]
    for workload in chosen {
      let finding = workload.finding
      lines += [
        "  - name: \(Self.scalar(finding.name))  # \(finding.sentence)", "    source:",
        "      query: \(Self.scalar(workload.query))", "    policy:",
        "      targetPerPod: \(finding.plannedTarget.rounded(digits: 4).shortText)",
        "      quantileLevel: \((finding.setting?.level ?? 0.95).shortText)"
          + (finding.objective == nil ? "" : "  # or objective: \(finding.objectiveText.filter { $0 != " " })"),
        "      min: \(conditions.survey.minReplicas)",
        "      max: \(Self.limit(finding))",
      ]
    }
    let lead = max(conditions.survey.startup + HorizontalAutoscaler.syncPeriod, .seconds(60))
    lines += ["", "scaler:", "  leadTime: \(DurationText.format(lead))"]
    return lines.joined(separator: "\n")
  }

  /// Twice the pods of the peak: a limit against a mistake, not for everyday.
  private static func limit(_ finding: SurveyFinding) -> Int {
    max(10, Int(min(2 * finding.peakLoad / finding.targetPerPod, 1e5).rounded(.up)))
  }

  /// A text in quotes, which no placeholder is read from.
  private static func scalar(_ text: String) -> String {
    var json = JSONText()
    json.string(text.replacing("${", with: "$${"))
    return String(decoding: json.bytes, as: UTF8.self)
  }
}

extension Double {
  /// Rounded to a number of significant digits.
  func rounded(digits: Int) -> Double {
    guard isFinite, self != 0 else { return self }
    var unit = 1.0
    let limit = (0..<digits).reduce(1.0) { value, _ in value * 10 }
    while magnitude * unit < limit / 10 { unit *= 10 }
    while magnitude * unit >= limit { unit /= 10 }
    return unit >= 1 ? (self * unit).rounded() / unit : (self * unit).rounded() * (1 / unit).rounded()
  }
}
