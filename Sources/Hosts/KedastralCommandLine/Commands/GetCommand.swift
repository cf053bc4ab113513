import FoundationEssentials
import Glibc
import KedastralCore
import KedastralDaemon

/// `kedastral get`: lists a running forecaster's workloads, or shows one plan.
enum GetCommand: Command {
  static let name = "get"
  static let summary = "list a running forecaster's workloads, or show one forecast"

  static let syntax = CommandSyntax(
    about: "kedastral get lists the workloads of a running forecaster, or shows forecasts, over HTTP.",
    usage: ["workloads [options]", "forecast NAME… [options]"],
    words: ["workloads", "forecast"], maximumWords: .max,
    groups: [
      ServerInput.options,
      .init(
        title: "Output",
        options: [
          .output(ForecastFormat.allCases.map(\.rawValue)), .json,
          .init(
            "state", "STATE…", choices: WorkloadState.allCases.map(\.rawValue), "only workloads in these states"),
          .init("points", "N", "samples of history to show before a forecast (default 120)"),
          .init("svg", "FILE", "write a chart of one forecast"),
        ]),
    ],
    examples: """
      kedastral get workloads
      kedastral get workloads --state capped --state failing
      kedastral get forecast api-app --server http://kedastral-forecaster:8081 -o json
      """)

  static func run(_ options: CommandOptions) async throws {
    let words = options.words
    let server = try ServerInput(options)
    switch words.first {
    case "workloads", "workload":
      guard words.count == 1 else { throw UsageError(description: "unexpected argument '\(words[1])'") }
      try await workloads(options, server)
    case "forecast", "forecasts":
      guard words.count > 1 else {
        throw UsageError(description: "the workload is missing; write kedastral get forecast NAME")
      }
      try await forecasts(words.dropFirst().map { try name($0) }, options, server)
    case nil:
      throw UsageError(
        description: "what to get is missing; write kedastral get workloads, or kedastral get forecast NAME")
    case let word?:
      throw UsageError(description: "unknown word '\(word)'; write workloads, or forecast NAME")
    }
  }

  private static func name(_ text: String) throws(UsageError) -> WorkloadName {
    do { return try WorkloadName(text) } catch { throw UsageError(description: error.description) }
  }

  private static func workloads(_ options: CommandOptions, _ server: ServerInput) async throws {
    let format = ReportFormat(options)
    let now = Date()
    let wanted = options.list("state")
    let rows = try await server.forecaster.listed().map {
      WorkloadRow($0, leadTime: server.leadTime, staleAfter: server.staleAfter, at: now)
    }
    .filter { wanted.isEmpty || wanted.contains($0.state.rawValue) }
    Program.show(WorkloadRow.text(rows, format))
  }

  private static func forecasts(_ names: [WorkloadName], _ options: CommandOptions, _ server: ServerInput) async throws
  {
    let format = ForecastFormat(options)
    let points = try options.positiveNumber("points") ?? 120
    guard options.value("svg") == nil || names.count == 1 else {
      throw UsageError(description: "\(options.typed("svg")) needs exactly one workload; \(names.count) are given")
    }
    for (index, name) in names.enumerated() {
      let report = SnapshotReport(
        snapshot: try await server.forecaster.plan(of: name),
        history: try await server.forecaster.history(of: name, points: Int(min(points, 10_080))))
      if index > 0, format != .json { Program.show("") }
      let width = TerminalSize(of: STDOUT_FILENO).columns
      Program.show(try report.text(format, style: .of(STDOUT_FILENO), width: width))
      if let path = options.value("svg") {
        try WriteError.write(ForecastPicture(snapshot: report.snapshot, history: report.history).svg, to: path)
      }
    }
  }
}
