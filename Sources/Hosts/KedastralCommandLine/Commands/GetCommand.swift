import FoundationEssentials
import Glibc
import KedastralCore
import KedastralDaemon

/// `kedastral get`: lists a running forecaster's workloads, or shows one plan.
enum GetCommand: Command {
  static let name = "get"
  static let summary = "list a running forecaster's workloads, or show one forecast"

  static let syntax = CommandSyntax(
    about: """
      kedastral get lists the workloads of a running forecaster, or shows forecasts, over HTTP. A scaledobject is the manifest with
      which KEDA asks for a workload's plan.
      """,
    usage: ["workloads [NAME…] [options]", "forecast NAME… [options]", "scaledobject NAME… [options]"],
    words: ["workloads", "forecast", "scaledobject"], maximumWords: .max, hasWorkloadNames: true,
    groups: [
      ServerInput.options,
      .init(
        title: "Output",
        options: [
          .output(ListFormat.names + ForecastFormat.names.filter { !ListFormat.names.contains($0) }), .json,
          .init(
            "state", "STATE…", choices: WorkloadState.allCases.map(\.rawValue), "only workloads in these states"),
          .init("points", "N", "samples of history to show before a forecast (default 120)"),
          .init("svg", "FILE", "write a chart of one forecast"),
          .flag("watch", short: "w", "repeat until Ctrl-C: show each workload again when it changes"),
          .init("interval", "DURATION", "the time between two rounds of --watch (default 5s)"),
        ],
        note: """
          For workloads, wide has more columns and name only the names. For a forecast, sparkline is a line of bars. A
          scaledobject is YAML.
          """),
    ],
    examples: """
      kedastral get workloads
      kedastral get workloads --state capped --state failing
      kedastral get workloads api-app -o wide --watch
      kedastral get forecast api-app --server http://kedastral-forecaster:8081 -o json
      kedastral get scaledobject api-app --lead-time 10m | kubectl apply -f -
      """)

  static func run(_ options: CommandOptions) async throws {
    try options.check("interval", belongsTo: "watch")
    let server = try ServerInput(options)
    let names = try options.workloads(from: 1)
    switch options.words.first {
    case "workloads", "workload":
      try check(options, ListFormat.names, "workloads", without: ["points", "svg"])
      try await workloads(names, options, server)
    case "forecast", "forecasts":
      try check(options, ForecastFormat.names, "a forecast", without: ["state"])
      guard !names.isEmpty else {
        throw UsageError(description: "the workload is missing; write kedastral get forecast NAME")
      }
      try await forecasts(names, options, server)
    case "scaledobject", "scaledobjects":
      try check(options, ["yaml"], "a scaledobject", without: ["state", "points", "svg", "watch", "json"])
      guard !names.isEmpty else {
        throw UsageError(description: "the workload is missing; write kedastral get scaledobject NAME")
      }
      try await scaledObjects(names, options, server)
    case nil:
      throw UsageError(
        description: "what to get is missing; write kedastral get workloads, or kedastral get forecast NAME")
    case let word?:
      throw UsageError(description: "unknown word '\(word)'; write workloads, forecast NAME, or scaledobject NAME")
    }
  }

  /// Refuses options and formats of another kind of object.
  private static func check(
    _ options: CommandOptions, _ formats: [String], _ what: String, without others: [String]
  ) throws(UsageError) {
    for other in others where options.has(other) {
      throw UsageError(description: "\(options.typed(other)) does not apply to \(what)")
    }
    if let format = options.value("output"), !formats.contains(format) {
      throw UsageError(
        description:
          "\(options.typed("output")) '\(format)' does not apply to \(what); choose one of \(formats.joined(separator: ", "))"
      )
    }
  }

  /// Repeats an action: once, or with `--watch` until Ctrl-C or until the output is closed. Failures are shown, and do not end it.
  private static func repeated(_ options: CommandOptions, _ action: () async throws -> Void) async throws {
    let interval = try options.positiveDuration("interval") ?? .seconds(5)
    guard options.has("watch") else { return try await action() }
    while !Program.outputHasFailed {
      do {
        try await action()
      } catch let error where !(error is CancellationError) {
        Program.say("kedastral get: \(error)")
      }
      try await Task.sleep(for: interval)
    }
  }

  private static func workloads(
    _ names: [WorkloadName], _ options: CommandOptions, _ server: ServerInput
  ) async throws {
    let format = options.format(default: ListFormat.table)
    let wanted = options.list("state")
    var shown: [WorkloadName: WorkloadRow]?
    try await repeated(options) {
      let now = Date()
      let all = try await server.forecaster.listed()
      if let missing = names.first(where: { name in !all.contains { $0.workload == name } }) {
        let near = Suggestion.nearest(to: missing.text, among: all.map(\.workload.text))
        throw ForecasterClient.UnknownWorkload(
          workload: missing, server: server.forecaster.endpoint.displayName,
          reason: near.map { "; did you mean \($0)?" } ?? "")
      }
      let rows = all.filter { names.isEmpty || names.contains($0.workload) }
        .map { WorkloadRow($0, leadTime: server.leadTime, staleAfter: server.staleAfter, at: now) }
        .filter { wanted.isEmpty || wanted.contains($0.state.rawValue) }
      let changed = shown.map { shown in rows.filter { shown[$0.workload]?.withoutAge != $0.withoutAge } } ?? rows
      if shown == nil || !changed.isEmpty {
        if shown != nil, format == .yaml { Program.show("---") }
        Program.show(WorkloadRow.text(changed, format, columnsOf: rows, withHeading: shown == nil))
      }
      shown = Dictionary(uniqueKeysWithValues: rows.map { ($0.workload, $0) })
    }
  }

  private static func forecasts(
    _ names: [WorkloadName], _ options: CommandOptions, _ server: ServerInput
  ) async throws {
    let format = options.format(default: ForecastFormat.table)
    let points = try options.positiveNumber("points") ?? 120
    guard options.value("svg") == nil || names.count == 1 else {
      throw UsageError(description: "\(options.typed("svg")) needs exactly one workload; \(names.count) are given")
    }
    var shown: [WorkloadName: Date] = [:]
    try await repeated(options) {
      for name in names {
        let snapshot = try await server.forecaster.plan(of: name)
        guard shown[name] != snapshot.generatedAt else { continue }
        let report = SnapshotReport(
          snapshot: snapshot,
          history: try await server.forecaster.history(of: name, points: Int(min(points, 10_080))))
        if !shown.isEmpty, let separator = format.separator { Program.show(separator) }
        shown[name] = snapshot.generatedAt
        let width = TerminalSize(of: STDOUT_FILENO).columns
        Program.show(try report.text(format, style: .of(STDOUT_FILENO), width: width))
        if let path = options.value("svg") {
          try WriteError.write(ForecastPicture(snapshot: report.snapshot, history: report.history).svg, to: path)
        }
      }
    }
  }

  private static func scaledObjects(
    _ names: [WorkloadName], _ options: CommandOptions, _ server: ServerInput
  ) async throws {
    for (index, name) in names.enumerated() {
      var text = String(
        decoding: try await server.forecaster.scaledObject(of: name, leadTime: server.leadTime), as: UTF8.self)
      if index > 0 { Program.show("---") }
      while text.last == "\n" { text.removeLast() }
      Program.show(text)
    }
  }
}
