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
    let title = "Which workloads are worth a forecast?"
    return """
      <!doctype html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <title>\(title)</title>
      <style>
      \(Self.style)
      </style>
      </head>
      <body>
      <main>
      <h1>\(title)</h1>
      <p class="lead">\(report.summary.escapedForMarkup).</p>
      \(tiles)
      \(worthIt)
      \(staying)
      \(conditions)
      </main>
      </body>
      </html>
      """
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
    return "<ul class=\"tiles\">\n"
      + tiles.map { "<li><b>\($0.0.escapedForMarkup)</b><span>\($0.1.escapedForMarkup)</span></li>" }
      .joined(separator: "\n") + "\n</ul>"
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
        "<td class=\"bars\">\(Self.bar(hpa.podHours / most, "hpa"))\(Self.bar(plan.podHours / most, "plan"))</td>",
        Self.number("\(hpa.podHours.grouped) → \(plan.podHours.grouped)"),
        Self.number((finding.podHoursSaved / hpa.podHours).percent(0)),
        Self.number("\(hpa.violationMinutes.grouped) → \(plan.violationMinutes.grouped)"),
      ]
      if let price { cells.append(Self.number((price * finding.podHoursSaved).text(2))) }
      cells += [
        "<td>\(finding.predictabilityText.escapedForMarkup)</td>", "<td>\(finding.seasonText.escapedForMarkup)</td>",
        "<td>\(finding.settingText.escapedForMarkup)</td>",
      ]
      rows += "<tr><th scope=\"row\">\(finding.name.escapedForMarkup)</th>\(cells.joined())</tr>\n"
    }
    let heads =
      ["Workload", "Pod-hours", "HPA → plan", "Saved", "Minutes short"]
      + (price == nil ? [] : ["Money saved"])
      + ["Predictability", "Season", "Setting"]
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

  // MARK: - Elements

  private static func number(_ text: String) -> String { "<td class=\"n\">\(text.escapedForMarkup)</td>" }

  private static func bar(_ share: Double, _ kind: String) -> String {
    "<i class=\"\(kind)\" style=\"width:\((100 * share).text(1))%\"></i>"
  }

  private static let style = """
    :root {
      color-scheme: light dark;
      --ground: #f3f5f8; --card: #fff; --ink: #18212f; --quiet: #5a6679; --line: #dde3eb; --hpa: #8a94a5; --plan: #1a66d6;
      font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
    }
    @media (prefers-color-scheme: dark) {
      :root { --ground: #0e131a; --card: #171e28; --ink: #e6ebf3; --quiet: #98a5b8; --line: #2a3442; --hpa: #76839a; --plan: #6cabff; }
    }
    * { box-sizing: border-box; }
    body { margin: 0; background: var(--ground); color: var(--ink); }
    main { max-width: 72rem; margin: 0 auto; padding: 2rem 1.2rem 3rem; }
    h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .4rem; letter-spacing: -.01em; }
    h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
    .lead { font-size: 1.1rem; margin: 0 0 1.2rem; max-width: 50rem; }
    .quiet { color: var(--quiet); font-size: .9rem; margin: 0 0 .6rem; }
    .tiles { list-style: none; display: grid; grid-template-columns: repeat(auto-fit, minmax(12rem, 1fr)); gap: .8rem; margin: 0; padding: 0; }
    .tiles li { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: .9rem 1rem; }
    .tiles b { display: block; font-size: 1.8rem; line-height: 1.15; font-variant-numeric: tabular-nums; }
    .tiles span { color: var(--quiet); font-size: .9rem; }
    .wide { overflow-x: auto; background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
    table { border-collapse: collapse; width: 100%; font-size: .9rem; font-variant-numeric: tabular-nums; }
    th, td { text-align: left; padding: .5rem .8rem; border-bottom: 1px solid var(--line); vertical-align: middle; }
    thead th { color: var(--quiet); font-weight: 600; white-space: nowrap; }
    tbody tr:last-child > * { border-bottom: 0; }
    tbody th { font-weight: 600; }
    .n { text-align: right; white-space: nowrap; }
    .lines td, .lines th { white-space: nowrap; }
    .bars { min-width: 8rem; }
    .bars i { display: block; height: .45rem; margin: .12rem 0; border-radius: 2px; min-width: 2px; }
    .hpa { background: var(--hpa); } .plan { background: var(--plan); }
    .key { display: inline-block; width: .8rem; height: .6rem; border-radius: 2px; margin-left: .6rem; }
    .notes { padding-left: 1.1rem; margin: 0 0 .8rem; max-width: 50rem; } .notes li { margin: .25rem 0; }
    code { overflow-wrap: anywhere; }
    :focus-visible { outline: 2px solid var(--plan); outline-offset: 2px; }
    @media print { body { background: #fff; } .wide { overflow: visible; } }
    """
}

extension Double {
  /// A whole number with commas between thousands.
  var grouped: String {
    let text = text(0)
    let sign = text.hasPrefix("-") ? "-" : ""
    let digits = Array(text.dropFirst(sign.count))
    guard digits.allSatisfy(\.isNumber) else { return text }
    var grouped = ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index) % 3 == 0 { grouped += "," }
      grouped.append(digit)
    }
    return sign + grouped
  }
}
