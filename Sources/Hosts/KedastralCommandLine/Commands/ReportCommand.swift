import FoundationEssentials
import Glibc
import KedastralCore
import KedastralDaemon

/// `kedastral report`: what the plans of a running forecaster were worth.
enum ReportCommand: Command {
  static let name = "report"
  static let summary = "compare a running forecaster's plans with an HPA"

  static let syntax = CommandSyntax(
    about: """
      kedastral report shows what the plans of a running forecaster were worth: the minutes with too few pods and the pod-hours
      of the plan, beside those of an HPA on the same measured load, and how near the forecasts came. Both are simulated; only
      minutes with a measured load and a plan count.
      """,
    usage: ["[NAME…] [--days 7|28] [options]"], maximumWords: .max, hasWorkloadNames: true,
    groups: [
      .init(
        title: ServerInput.options.title,
        options: ServerInput.options.options.filter { !["lead-time", "stale-after"].contains($0.name) }),
      .init(
        title: "Output",
        options: [
          .init(
            "days", "N", choices: Scorecard.windows.map(String.init),
            "the UTC days to report, today included (default 7)"),
          .output(ScorecardFormat.names), .json,
        ],
        note: "html is one self-contained page."),
    ],
    examples: """
      kedastral report
      kedastral report api-app --days 28
      kedastral report -o html > report.html
      """)

  static func run(_ options: CommandOptions) async throws {
    let days = Int(options.list("days").last ?? "7") ?? 7
    let names = try options.workloads()
    let server = try ServerInput(options)
    var reports: [ScorecardReport] = []
    if names.isEmpty {
      reports = try await server.forecaster.scorecards().scorecards ?? []
    } else {
      for name in names { reports.append(try await server.forecaster.scorecard(of: name)) }
      if let other = reports.first(where: \.windows.isEmpty) {
        throw ReportFailure(
          description:
            "\(server.forecaster.endpoint.displayName) does not forecast '\(other.workload)'; --server names the forecaster that does"
        )
      }
    }
    let report = ScorecardDocument(reports, days: days, madeAt: Date())
    Program.show(try report.text(options.format(default: ScorecardFormat.table), style: TextStyle.of(STDOUT_FILENO)))
  }
}

/// A report that cannot be made.
struct ReportFailure: Error, CustomStringConvertible {
  let description: String
}

/// How a report is written.
enum ScorecardFormat: String, CaseIterable {
  case table
  case json
  case html

  static var names: [String] { allCases.map(\.rawValue) }
}
