import FoundationEssentials
import Glibc
import KedastralCore
import KedastralDaemon

/// `kedastral get`: lists a running forecaster's workloads, or shows one plan.
enum GetCommand: Command {
  static let name = "get"
  static let summary = "list a running forecaster's workloads, or show one forecast"
  static let words = ["workloads", "forecast"]

  static let help = """
    kedastral get lists the workloads of a running forecaster, or shows forecasts, over HTTP.

    Usage:
      kedastral get workloads [options]
      kedastral get forecast NAME… [options]

    Server:
    \(ServerInput.help)

    Output:
      -o FORMAT             table (default), json, markdown; for a forecast also sparkline
      --json                the same as -o json
      --state STATE…        only workloads in these states: \(WorkloadState.allCases.map(\.rawValue).joined(separator: ", "))
      --points N            samples of history to show before a forecast (default 120)
      --svg FILE            write a chart of one forecast

    Examples:
      kedastral get workloads
      kedastral get workloads --state capped --state failing
      kedastral get forecast api-app --server http://kedastral-forecaster:8081 -o json
    """

  static let choices = [
    "o": ForecastFormat.allCases.map(\.rawValue), "state": WorkloadState.allCases.map(\.rawValue),
  ]
  static let options = ServerInput.options.merging([
    "o": .one, "json": .none, "state": .many, "points": .one, "svg": .one,
  ]
  ) { own, _ in own }

  static func run(_ arguments: [String]) async throws {
    let options = try CommandOptions(arguments, known: options)
    let words = options.rest.filter { !$0.hasPrefix("-") }
    try CommandOptions(options.rest.filter { $0.hasPrefix("-") }, known: [:]).refuseRest(
      among: Array(Self.options.keys))
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
    let format = try ReplayCommand.format(options)
    let now = Date()
    let wanted = try options.words("state", among: choices["state"] ?? [])
    let rows = try await server.forecaster.listed().map {
      WorkloadRow($0, leadTime: server.leadTime, staleAfter: server.staleAfter, at: now)
    }
    .filter { wanted.isEmpty || wanted.contains($0.state.rawValue) }
    Program.show(WorkloadRow.text(rows, format))
  }

  private static func forecasts(_ names: [WorkloadName], _ options: CommandOptions, _ server: ServerInput) async throws
  {
    let format = try ForecastFormat(options)
    let points = try options.positiveNumber("points") ?? 120
    guard options.value("svg") == nil || names.count == 1 else {
      throw UsageError(description: "--svg needs exactly one workload; \(names.count) are given")
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
