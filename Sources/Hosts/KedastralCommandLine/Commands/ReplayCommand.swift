import FoundationEssentials
import KedastralCore
import KedastralDaemon
import KedastralEvaluation

/// `kedastral replay`: replays a recorded load against policies in a simulated cluster.
enum ReplayCommand: Command {
  static let name = "replay"
  static let summary = "replay a recorded load against policies in a simulated cluster"

  static let syntax = CommandSyntax(
    about: """
      kedastral replay replays a recorded load against a simulated cluster, once for each policy, and reports for how long the
      service would have had too few pods, and the cost of the pods. No policy sees the future; pods serve after their startup.
      """,
    usage: ["--csv FILE… [options]", "--prometheus URL --query PROMQL [--days N] [options]"],
    groups: [
      .init(
        title: "The load",
        options: TraceInput.options + [
          .init(
            "interpolation", "KIND", choices: ReplayLoad.Interpolation.allCases.map(\.rawValue),
            """
            the load within a step of more than a minute (default hold): hold keeps each value over its step; linear draws a line
            between two samples, which shows the next sample in advance
            """),
          .init(
            "warmup", "DURATION", "how much of the load is used only as history (default: half, at most 7d)"),
          .init(
            "practice", "DURATION",
            "how long policies scale and learn after it before the results begin (default 0s); for an objective"),
        ]),
      .init(
        title: "The cluster",
        options: [
          .init(
            "startup", "DURATION…", "time from a pod's creation to its first request (default 60s,180s)"),
          .init(
            "pod-capacity", "LOAD",
            """
            the maximum load that a pod can serve (default: --target-per-pod, or the capacity with which the load's 99th
            percentile needs 20 pods)
            """),
          .init("price", "PRICE", "price of a pod-hour; adds a column with the cost"),
        ]),
      .init(
        title: "The policies",
        options: [
          .init(
            "policy", "NAME…", choices: ReplayPlan.policies,
            """
            the policies (default: the first four). The others are controls: hpa-unready counts pods that are not ready with a
            usage of 0 when it scales up, as Kubernetes does for CPU; persistence is kedastral's policy with the last value as
            forecast, extrapolation with the line of the last five steps
            """),
          .init("utilization", "U…", "hpa's target share of a pod's capacity (default 0.7)"),
          .init(
            "hpa-stabilization", "DURATION",
            "hpa's stabilization window for scaling down (default 5m, as in Kubernetes)"),
          .init(
            "hpa-tolerance", "SHARE",
            "hpa's tolerance: it ignores smaller deviations of the usage (default 0.1, as in Kubernetes)"),
          .model("NAME…", "kedastral's models (default auto, or the file's)"),
          .init(
            "lead-time", "DURATION", "kedastral's lead time (default: startup + 15s, one sync of the autoscaler)"),
          .init(
            "mode", "MODE", choices: ScalingQuestion.Mode.allCases.map(\.rawValue),
            "the mode of kedastral's trigger (default replicas)"),
          .init(
            "select", "SELECTION", choices: ScalingQuestion.Selection.allCases.map(\.rawValue),
            "the selection of kedastral's trigger (default max)"),
          .init(
            "interval", "DURATION",
            "time between two forecasts (default: the step, or the file's when that is longer)"),
          .init(
            "stabilization", "DURATION",
            "the autoscaler's stabilization window for scaling down with kedastral's trigger (default 5m)"),
          .init(
            "tolerance", "SHARE",
            """
            the autoscaler's tolerance with kedastral's trigger (default 0.1; 0 as with `tolerance: "0"` in a ScaledObject's
            behaviour)
            """),
          .init(
            "margin", "KIND=VALUE…",
            """
            kedastral with other margins too, from the same forecasts: objective=99%, quantile=p95, headroom=1.2 or cost=100 (a
            shortage cost)
            """),
          .flag(
            "reactive-trigger",
            """
            add a second trigger for the current load, with the same target per pod: the autoscaler uses the larger result, as
            with two triggers in a ScaledObject
            """),
        ] + CovariateOptions.options + WorkloadSettings.fileOptions,
        note: """
          And the daemons' flags for kedastral's policy and model: --target-per-pod, --headroom, --quantile-level,
          --shortage-cost, --objective, --min, --max, --up-max-factor, --down-max-percent, --prewarm-steps, --rounding, --reactive-floor,
          --accuracy-gate, --window, --step, … (see kedastral run --help; the default of --max is 1000 here).
          """),
      .init(
        title: "Output",
        options: [
          .flag(
            "sweep",
            """
            show each policy with all values of its parameter (utilisation; shortage cost; headroom), and compare them at equal
            pod-hours
            """),
          .flag("no-sweep", "do not vary kedastral's shortage cost for the verdict"),
          .output(ReportFormat.names), .json,
          .init(
            "svg", "FILE",
            "write a chart of load, ready pods and violations (with the first startup time)"),
          .init("frontier-svg", "FILE", "write a chart of the sweep: violations over pod-hours"),
          .init(
            "desired-csv", "FILE",
            """
            write timestamp,load,desired,ready of each 15-s sync, for the first policy named kedastral, or else the first policy
            """),
        ]),
    ],
    settings: .named(WorkloadSettings.flags),
    notes: [
      """
      Results: violation minutes: minutes in which load > ready pods × capacity. Unserved: the share of the load above the
      capacity. Pod-hours count pods from their creation. × oracle: pod-hours divided by those of perfect foresight, which obeys
      --min and --max.
      """,
      """
      The verdict compares kedastral with hpa: as both are set, and at equal pod-hours. For the latter kedastral is also replayed
      with other shortage costs; their rows are shown with --sweep.
      """,
    ],
    examples: """
      # last week's load from Prometheus, with the two previous weeks as history
      kedastral replay --prometheus http://prometheus:9090 --query 'sum(rate(http_requests_total{app="api"}[1m]))' \\
        --days 21 --warmup 14d --target-per-pod 50 --quantile-level p95 --price 0.04 --svg api.svg

      # all parameter values, compared at equal cost
      kedastral replay --csv api.csv --startup 180s --sweep --frontier-svg frontier.svg
      """)

  static func run(_ options: CommandOptions) async throws {
    let settings = try WorkloadSettings(options)
    let input = try TraceInput(options)
    let plan = try ReplayPlan(options, settings)
    settings.sayWhatIsLeftOut(name)
    let pictures = ["svg", "frontier-svg", "desired-csv"].filter(options.has)
    if input.names.count > 1, let picture = pictures.first {
      throw UsageError(description: "\(options.typed(picture)) needs exactly one load; \(input.names.count) are given")
    }
    var report = ReplayReport(price: try options.positiveNumber("price"))
    let shows = options.has("sweep") || options.has("frontier-svg")
    if shows, options.has("no-sweep") {
      let other = options.typed(options.has("sweep") ? "sweep" : "frontier-svg")
      throw UsageError(description: "\(options.typed("no-sweep")) and \(other) exclude each other")
    }
    var progress = ProgressLine()
    for index in input.names.indices {
      let trace = try await input.trace(index, step: plan.step)
      let replay = try plan.replay(of: trace)
      let competitors = try plan.competitors(
        of: replay, shows ? .all : options.has("no-sweep") ? .none : .forVerdict)
      let all = try await replay.run(competitors.map(\.entrant)) { share in
        progress.show(trace.name, share: (Double(index) + share) / Double(input.names.count))
      }
      progress.clear()
      let outcomes = shows ? all : zip(competitors, all).filter(\.0.isGiven).map(\.1)
      for problem in Set(all.compactMap(\.forecasts.failure)).sorted() {
        Program.say("kedastral replay: \(trace.name): \(problem)")
      }
      report.add(trace: trace.name, replay, outcomes, verdicts: ReplayVerdict.all(all))
      if let path = options.value("svg") {
        try WriteError.write(TimelinePicture(trace.name, replay, outcomes).svg, to: path)
      }
      if let path = options.value("frontier-svg") {
        try WriteError.write(FrontierPicture(trace.name, outcomes).svg, to: path)
      }
      if let path = options.value("desired-csv") {
        try WriteError.write(ReplayReport.desiredCSV(outcomes), to: path)
      }
    }
    Program.show(report.text(options.format(default: ReportFormat.table)))
  }
}

/// How a command writes its result.
enum ReportFormat: String, CaseIterable {
  case table
  case json
  case markdown

  static var names: [String] { allCases.map(\.rawValue) }
}

extension Replay.ForecastTally {
  /// What a user must know of a model that did not do its work.
  var failure: String? {
    guard let problem, failed > 0 else { return nil }
    return "\(failed) of \(made + failed) forecasts failed, the last one with: \(problem)"
  }
}
