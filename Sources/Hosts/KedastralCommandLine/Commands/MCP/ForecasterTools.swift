import FoundationEssentials
import KedastralCore
import KedastralDaemon
import KedastralEvaluation
import KedastralHTTP
import KedastralSources

/// The tools that query a running forecaster.
struct ForecasterTools: Sendable {
  let server: ServerInput

  private static let workload = MCPTool.Parameter(
    name: "workload", kind: .text, help: "the workload's name, as returned by list_workloads", isRequired: true)
  private static let leadTime = MCPTool.Parameter(
    name: "leadTime", kind: .text, help: "how long before the load the pods are requested, such as 5m")

  var all: [MCPTool] {
    [listWorkloads, getForecast, explainDecision, whatIf, getScorecard, backtest]
  }

  private var listWorkloads: MCPTool {
    MCPTool(
      name: "list_workloads", title: "List workloads",
      help:
        "All workloads with their state (ok, capped, bridged, stale, failing, dry-run, learning, starting), current load, largest forecast load, requested replicas, required replicas before limits, maximum of the plan, recent forecast error, age of the plan, and the last error of failing workloads.",
      parameters: [
        .init(name: "filter", kind: .text, help: "only workloads whose name contains this"),
        .init(
          name: "states", kind: .texts, help: "only workloads in these states",
          values: WorkloadState.allCases.map(\.rawValue)),
        .init(name: "limit", kind: .integer, help: "maximum number of workloads, largest load first (default 100)"),
      ]
    ) { [server] arguments in
      let now = Date()
      let wanted = arguments.text("filter")?.lowercased() ?? ""
      let states = arguments.texts("states")
      let rows = try await server.forecaster.listed().map {
        WorkloadRow($0, leadTime: server.leadTime, staleAfter: server.staleAfter, at: now)
      }
      .filter { wanted.isEmpty || $0.workload.text.lowercased().contains(wanted) }
      .filter { states.isEmpty || states.contains($0.state.rawValue) }
      .sorted { ($1.load ?? -1, $0.workload) < ($0.load ?? -1, $1.workload) }
      let limit = max(1, Int(arguments.number("limit") ?? 100))
      return Array(WorkloadRow.text(Array(rows.prefix(limit)), .json).utf8)
    }
  }

  private var getForecast: MCPTool {
    MCPTool(
      name: "get_forecast", title: "Get a forecast",
      help:
        "A workload's forecast and plan: a value per step with quantiles, planned load and replicas; index i is the step that ends (i + 1) steps after generatedAt.",
      parameters: [Self.workload]
    ) { [server] in Array(try await server.forecaster.plan(of: try $0.workload()).json()) }
  }

  private var explainDecision: MCPTool {
    MCPTool(
      name: "explain_decision", title: "Explain a decision",
      help: "Explains the planned replicas of a workload, from the load to the limits that applied.",
      parameters: [Self.workload, Self.leadTime]
    ) { [server] arguments in
      try await server.forecaster.explanation(
        of: try arguments.workload(), leadTime: try arguments.text("leadTime").map(DurationText.parse))
    }
  }

  private var whatIf: MCPTool {
    MCPTool(
      name: "what_if", title: "Ask what if",
      help: "The plan for the current forecast under other settings. It changes nothing.",
      parameters: [
        Self.workload, Self.leadTime,
        .init(name: "targetPerPod", kind: .number, help: "load that one pod should serve"),
        .init(name: "headroom", kind: .number, help: "factor on the forecast, such as 1.2"),
        .init(name: "quantile", kind: .number, help: "plan for this quantile instead of the headroom, such as 0.9"),
        .init(name: "min", kind: .integer, help: "minimum replicas"),
        .init(name: "max", kind: .integer, help: "maximum replicas"),
      ]
    ) { [server] arguments in
      var changes: [(String, String)] = []
      for name in ["targetPerPod", "headroom", "quantile", "min", "max"] {
        if let number = arguments.number(name) { changes.append((name, number.shortText)) }
      }
      if let text = arguments.text("leadTime") {
        changes.append(("leadTime", DurationText.format(try DurationText.parse(text))))
      }
      return try await server.forecaster.whatIf(try arguments.workload(), changes)
    }
  }

  private var getScorecard: MCPTool {
    MCPTool(
      name: "get_scorecard", title: "Get a scorecard",
      help: """
        What the plan of a workload was worth in the last 7 and 28 days, beside an HPA simulated on the same measured load: \
        minutes with too few pods (of the real pods too, where they are known), pod-hours, cost, capped and bridged minutes, \
        the error of forecasts made one lead time ahead, and a verdict. Without a workload: all workloads and their total.
        """,
      parameters: [
        .init(name: "workload", kind: .text, help: "the workload's name; without it, all workloads are returned")
      ]
    ) { [server] arguments in
      guard arguments.text("workload") != nil else { return Array(try await server.forecaster.scorecards().json()) }
      return Array(try await server.forecaster.scorecard(of: try arguments.workload()).json())
    }
  }

  private var backtest: MCPTool {
    MCPTool(
      name: "backtest", title: "Backtest models",
      help: """
        The accuracy of models on a workload's recent load: forecasts from 20 times in its last fifth, using only the history \
        before each. MASE below 1 is better than repeating the previous day; coverage is the share of loads at or below a \
        quantile.
        """,
      parameters: [
        Self.workload,
        .init(
          name: "models", kind: .texts, help: "models to compare (default: auto, baseline)",
          values: Self.localModels),
        .init(name: "points", kind: .integer, help: "number of samples of history (default 2880, at most 10080)"),
      ]
    ) { [server] arguments in
      let workload = try arguments.workload()
      let points = min(10_080, max(1, Int(arguments.number("points") ?? 2880)))
      guard let history = try await server.forecaster.history(of: workload, points: points) else {
        throw ForecasterClient.UnknownWorkload(workload: workload, server: server.forecaster.endpoint.displayName)
      }
      let names = arguments.texts("models")
      let settings = try WorkloadSettings()
      var report = BacktestReport()
      for name in names.isEmpty ? ["auto", "baseline"] : names {
        let protocolOfOrigins = Backtest(.standard(step: history.step))
        guard
          let result = try await protocolOfOrigins.run(try settings.model(name), on: history, cpuSeconds: cpuSeconds)
        else {
          throw MCPArguments.Defect(
            description: "\(history.count) samples of '\(workload)' are too few: no origin is followed by a known load")
        }
        report.add(trace: workload.text, model: name, result)
      }
      return Array(report.text(.json).utf8)
    }
  }

  /// The tools that work without a running forecaster.
  private static let localModels = ModelCatalog.names.filter { $0 != "byom" }.sorted()
}
