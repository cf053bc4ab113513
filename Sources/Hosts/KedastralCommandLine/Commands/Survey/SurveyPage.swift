import FoundationEssentials
import KedastralCore
import KedastralEvaluation
import KedastralHTTP

/// A survey as one self-contained page: no script, no request, light and dark.
struct SurveyPage {
  private let report: SurveyReport

  init(_ report: SurveyReport) { self.report = report }

  /// The document.
  var html: String {
    ReportMarkup.page(
      title: "Which workloads are worth a forecast?", lead: report.summary + ".",
      [tiles, worthIt, staying, conditions])
  }

  // MARK: - Parts

  private var tiles: String {
    var tiles = [
      ("\(report.worthIt.count) of \(report.findings.count)", "workloads are worth a forecast"),
      (report.minutesAvoided.grouped, "minutes with too few pods avoided in \(report.judgedDays.text(1)) days"),
      (
        report.podHoursSaved.magnitude.grouped,
        "\(report.podHoursSaved < 0 ? "more pod-hours" : "pod-hours saved") in \(report.judgedDays.text(1)) days"
          + (report.savedShare.isFinite ? " (\(report.savedShare.magnitude.percent(0)))" : "")
      ),
    ]
    if let saved = report.savedPerMonth { tiles.append((saved.grouped, "money saved in 30 days, at this rate")) }
    return ReportMarkup.tiles(tiles)
  }

  private var worthIt: String {
    let findings = report.worthIt
    guard !findings.isEmpty else { return "" }
    let price = report.conditions.price
    let most = findings.flatMap { [$0.autoscaler?.podHours ?? 0, $0.plan?.podHours ?? 0] }.max() ?? 1
    var rows = ""
    for finding in findings {
      guard let hpa = finding.autoscaler, let plan = finding.plan else { continue }
      var cells = [
        "<td class=\"bars\">\(ReportMarkup.bar(hpa.podHours / most, "hpa"))\(ReportMarkup.bar(plan.podHours / most, "plan"))</td>",
        ReportMarkup.number("\(hpa.podHours.grouped) → \(plan.podHours.grouped)"),
        ReportMarkup.number((finding.podHoursSaved / hpa.podHours).percent(0)),
        ReportMarkup.number("\(hpa.violationMinutes.grouped) → \(plan.violationMinutes.grouped)"),
      ]
      if let price { cells.append(ReportMarkup.number((price * finding.podHoursSaved).text(2))) }
      cells += [
        "<td>\(finding.predictabilityText.escapedForMarkup)</td>", "<td>\(finding.seasonText.escapedForMarkup)</td>",
        "<td>\(finding.settingText.escapedForMarkup)</td>", ReportMarkup.number(finding.objectiveText),
      ]
      rows += "<tr><th scope=\"row\">\(finding.name.escapedForMarkup)</th>\(cells.joined())</tr>\n"
    }
    let heads =
      ["Workload", "Pod-hours", "HPA → plan", "Saved", "Minutes short"]
      + (price == nil ? [] : ["Money saved"])
      + ["Predictability", "Season", "Setting", "Objective"]
    let head = heads.map { "<th scope=\"col\">\($0.escapedForMarkup)</th>" }.joined()
    return """
      <h2>Worth a forecast</h2>
      <p class="quiet">\(report.orderNote.escapedForMarkup) <span class="key hpa"></span> HPA <span class="key plan"></span> plan</p>
      <div class="wide lines" tabindex="0" role="region" aria-label="Worth a forecast"><table>
      <thead><tr>\(head)</tr></thead>
      <tbody>
      \(rows)</tbody>
      </table></div>
      """
  }

  private var staying: String {
    let findings = report.findings.filter { !$0.isWorthIt }
    guard !findings.isEmpty else { return "" }
    let rows = findings.map {
      "<tr><th scope=\"row\">\($0.name.escapedForMarkup)</th><td>\($0.sentence.escapedForMarkup)</td><td>\($0.predictabilityText.escapedForMarkup)</td></tr>"
    }
    return """
      <h2>Better left to an HPA</h2>
      <div class="wide" tabindex="0" role="region" aria-label="Better left to an HPA"><table>
      <thead><tr><th scope="col">Workload</th><th scope="col">Why</th><th scope="col">Predictability</th></tr></thead>
      <tbody>
      \(rows.joined(separator: "\n"))
      </tbody>
      </table></div>
      """
  }

  private var conditions: String {
    let conditions = report.conditions
    var lines = [
      report.targetNote, report.methodNote,
      "Setting: the quantile of the forecast that is planned for, and how far pods are filled when not completely. A minute is short when the load is more than the ready pods can serve. Pod-hours count pods from their creation. Predictability is the mean error of forecasts one hour ahead, as a share of the load.",
    ]
    if let price = conditions.price { lines.append("A pod-hour costs \(price.shortText).") }
    if let note = report.leftOutNote { lines.append(note) }
    let items = lines.map { "<li>\($0.escapedForMarkup)</li>" }.joined(separator: "\n")
    return """
      <h2>How this was measured</h2>
      <ul class="notes">
      \(items)
      </ul>
      <p class="quiet">\("\(conditions.days.shortText) days up to \(Timestamp.format(conditions.madeAt)), step \(DurationText.format(conditions.step)), query".escapedForMarkup) <code>\(conditions.query.escapedForMarkup)</code>. Made by kedastral survey.</p>
      """
  }
}
