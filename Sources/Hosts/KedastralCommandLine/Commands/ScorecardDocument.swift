import FoundationEssentials
import KedastralCore
import KedastralDaemon
import KedastralHTTP

/// The scorecards of workloads as a table, JSON or a page.
struct ScorecardDocument {
  private let summary: ScorecardSummary
  private let rows: [(report: ScorecardReport, window: ScorecardReport.Window)]
  private let days: Int
  private let madeAt: Date

  init(_ reports: [ScorecardReport], days: Int, madeAt: Date) {
    summary = ScorecardSummary(reports)
    rows = reports.compactMap { report in report.window(days: days).map { (report, $0) } }
    self.days = days
    self.madeAt = madeAt
  }

  func text(_ format: ScorecardFormat, style: TextStyle) throws -> String {
    switch format {
    case .table: table(style)
    case .json: String(decoding: try summary.json(), as: UTF8.self)
    case .html: page
    }
  }

  private var hasReal: Bool { rows.contains { $0.window.real != nil } }
  private var hasPrice: Bool { rows.contains { $0.window.hpa.cost != nil } }

  private func table(_ style: TextStyle) -> String {
    guard !rows.isEmpty else { return "no scorecard yet: the forecaster has not planned a workload" }
    var table = TextTable(Self.columns(hasPrice, hasReal), textColumns: 1)
    for (report, window) in rows { table.add(cells(report.workload, window), window.isWorse ? .warning : nil) }
    if rows.count > 1, let total = summary.total(days: days) { table.add(cells("total", total)) }
    var lines = [table.text(style), ""]
    if rows.count <= 10 {
      lines += rows.map { "\($0.report.workload): \($0.window.verdict)" }
    } else if let total = summary.total(days: days) {
      lines.append("all \(rows.count) workloads: \(total.verdict)")
    }
    return (lines + ["", note]).joined(separator: "\n")
  }

  private static func columns(_ hasPrice: Bool, _ hasReal: Bool) -> [String] {
    var columns = ["WORKLOAD", "MEASURED", "SHORT HPA", "PLAN"]
    if hasReal { columns.append("REAL") }
    columns += ["POD-HOURS HPA", "PLAN", "SAVED"]
    if hasPrice { columns += ["COST HPA", "PLAN"] }
    return columns + ["CAPPED", "BRIDGED", "ERROR", "P90 COVERS"]
  }

  private func cells(_ name: String, _ window: ScorecardReport.Window) -> [String] {
    func minutes(_ count: Double) -> String { "\(count.text(0)) min" }
    var cells = [
      name, DurationText.format(.seconds((window.measuredMinutes.rounded()) * 60)),
      minutes(window.hpa.violationMinutes), minutes(window.plan.violationMinutes),
    ]
    if hasReal { cells.append(window.real.map { minutes($0.violationMinutes) } ?? "–") }
    cells += [window.hpa.podHours.text(1), window.plan.podHours.text(1), window.savedShare.percent(0)]
    if hasPrice { cells += [window.hpa.cost ?? .nan, window.plan.cost ?? .nan].map { $0.text(2) } }
    return cells + [
      minutes(window.cappedMinutes), minutes(window.bridgedMinutes), (window.forecastError ?? .nan).percent(0),
      (window.p90Coverage ?? .nan).percent(0),
    ]
  }

  /// How the numbers came about.
  private var note: String {
    guard let first = rows.first?.report else { return "" }
    let lead = DurationText.format(.seconds(first.leadTimeSeconds))
    let text =
      "last \(days) days; simulated pods start in \(DurationText.format(.seconds(first.startupSeconds))), the HPA holds \(first.utilization.percent(0)) of the target, forecasts made \(lead) ahead"
    return text + realNote
  }

  /// For how much of the measured time the real pods are known.
  private var realNote: String {
    guard hasReal, let total = summary.total(days: days), let known = total.realMinutes else { return "" }
    return "; real pods are known for \((known / max(1, total.measuredMinutes)).percent(0)) of the measured time"
  }

  // MARK: - Page

  private var page: String {
    let total = summary.total(days: days)
    let subject = rows.count == 1 ? rows.first?.report.workload ?? "" : "\(rows.count) workloads"
    var tiles = [(String, String)]()
    if let total {
      tiles = [
        (
          total.avoidedMinutes.magnitude.grouped,
          "\(total.avoidedMinutes < 0 ? "more" : "avoided") minutes with too few pods"
        ),
        (
          (total.hpa.podHours - total.plan.podHours).magnitude.grouped,
          "\(total.savedShare < 0 ? "more pod-hours" : "pod-hours saved") (\(total.savedShare.magnitude.percent(0)))"
        ),
      ]
      if let hpa = total.hpa.cost, let plan = total.plan.cost {
        tiles.append(((hpa - plan).magnitude.text(2), hpa < plan ? "more money" : "money saved"))
      }
      tiles.append(
        (
          DurationText.words(.seconds(total.measuredMinutes.rounded() * 60)),
          rows.count == 1 ? "measured" : "measured, over all workloads"
        ))
    }
    return ReportMarkup.page(
      title: "Plans and an HPA, last \(days) days",
      lead: total.map { "\(subject): \($0.verdict)." } ?? "No workload has been planned yet.",
      [ReportMarkup.tiles(tiles), pageTable, pageNotes])
  }

  private var pageTable: String {
    guard !rows.isEmpty else { return "" }
    let most = max(1e-9, rows.flatMap { [$0.window.hpa.podHours, $0.window.plan.podHours] }.max() ?? 1)
    let lines = rows.map { report, window in
      var cells = [
        "<td class=\"bars\">\(ReportMarkup.bar(window.hpa.podHours / most, "hpa"))\(ReportMarkup.bar(window.plan.podHours / most, "plan"))</td>",
        ReportMarkup.number("\(window.hpa.podHours.text(1)) → \(window.plan.podHours.text(1))"),
        ReportMarkup.number(window.savedShare.percent(0)),
        ReportMarkup.number("\(window.hpa.violationMinutes.grouped) → \(window.plan.violationMinutes.grouped)"),
      ]
      if hasReal { cells.append(ReportMarkup.number(window.real?.violationMinutes.grouped ?? "–")) }
      if hasPrice {
        cells.append(ReportMarkup.number(((window.hpa.cost ?? .nan) - (window.plan.cost ?? .nan)).text(2)))
      }
      cells += [
        ReportMarkup.number(window.cappedMinutes.grouped), ReportMarkup.number(window.bridgedMinutes.grouped),
        ReportMarkup.number((window.forecastError ?? .nan).percent(0)),
        ReportMarkup.number((window.p90Coverage ?? .nan).percent(0)),
        "<td>\(window.verdict.escapedForMarkup)</td>",
      ]
      return "<tr><th scope=\"row\">\(report.workload.escapedForMarkup)</th>\(cells.joined())</tr>"
    }
    var heads = ["Workload", "Pod-hours", "HPA → plan", "Saved", "Minutes short"]
    if hasReal { heads.append("Really short") }
    if hasPrice { heads.append("Money saved") }
    heads += ["Capped min", "Bridged min", "Error", "p90 covers", "In words"]
    return """
      <h2>Workloads</h2>
      <p class="quiet">HPA → plan <span class="key hpa"></span> HPA <span class="key plan"></span> plan</p>
      <div class="wide lines" tabindex="0" role="region" aria-label="Workloads"><table>
      <thead><tr>\(heads.map { "<th scope=\"col\">\($0.escapedForMarkup)</th>" }.joined())</tr></thead>
      <tbody>
      \(lines.joined(separator: "\n"))
      </tbody>
      </table></div>
      """
  }

  private var pageNotes: String {
    let lines = [
      "HPA and plan are both simulated on the measured load; only minutes with a measured load and a plan count.",
      "A minute is short when the load is more than the ready pods can serve at the target per pod. Pod-hours count pods from their creation.",
      "Error: the mean absolute error of forecasts made one lead time ahead, divided by the mean load. p90 covers: the share of loads at or below the 0.9 quantile of these forecasts.",
      "\(note.prefix(1).uppercased())\(note.dropFirst()).",
    ]
    return """
      <h2>How this was measured</h2>
      <ul class="notes">
      \(lines.map { "<li>\($0.escapedForMarkup)</li>" }.joined(separator: "\n"))
      </ul>
      <p class="quiet">Made by kedastral report at \(Timestamp.format(madeAt)).</p>
      """
  }
}

extension ScorecardReport.Window {
  /// Whether the plan was short for longer than the HPA and needed no fewer pods.
  fileprivate var isWorse: Bool { avoidedMinutes < -1 && savedShare < 0.01 }
}
