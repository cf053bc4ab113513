import FoundationEssentials
import KedastralCore
import KedastralDaemon
import KedastralEvaluation

/// `kedastral replay`: replays a recorded load against policies in a simulated cluster.
enum ReplayCommand: Command {
  static let name = "replay"
  static let summary = "replay a recorded load against policies in a simulated cluster"

  static let help = """
    kedastral replay replays a recorded load against a simulated cluster, once for each policy, and reports for how long the
    service would have had too few pods, and the cost of the pods. No policy sees the future; pods serve after their startup.

    Usage:
      kedastral replay --csv FILE… [options]
      kedastral replay --prometheus URL --query PROMQL [--days N] [options]

    The load:
    \(TraceInput.help)
      --interpolation KIND  the load within a step of more than a minute: hold keeps each value over its step, linear draws a
                            line between two samples, which shows the next sample in advance (default hold)
      --warmup DURATION     how much of the load is used only as history (default: half, at most 7d)

    The cluster:
      --startup DURATION…   time from a pod's creation to its first request (default 60s,180s)
      --pod-capacity LOAD   the maximum load that a pod can serve (default: --target-per-pod, or the capacity with which the
                            load's 99th percentile needs 20 pods)
      --price PRICE         price of a pod-hour; adds a column with the cost

    The policies:
      --policy NAME…        hpa, kedastral, reference, oracle (default: these four), and the controls
                            hpa-unready (an hpa that counts pods that are not ready with a usage of 0 when it scales up, as
                            Kubernetes does for CPU), persistence (kedastral's policy with the last value as forecast) and
                            extrapolation (the same with the line of the last five steps)
      --utilization U…      hpa's target share of a pod's capacity (default 0.7)
      --hpa-stabilization DURATION  hpa's stabilization window for scaling down (default 5m, as in Kubernetes)
      --model NAME…         kedastral's models (default auto, or the file's): \(ModelCatalog.names.sorted().joined(separator: ", "))
      --hpa-tolerance SHARE  hpa's tolerance: it ignores smaller deviations of the usage (default 0.1, as in Kubernetes)
      --lead-time DURATION  kedastral's lead time (default: startup + 15s, one sync of the autoscaler)
      --mode, --select      kedastral's trigger: replicas or load, max or at-lead (default replicas, max)
      --interval DURATION   time between two forecasts (default: the step, or the file's when that is longer)
      --stabilization DURATION  the autoscaler's stabilization window for scaling down with kedastral's trigger (default 5m)
      --tolerance SHARE     the autoscaler's tolerance with kedastral's trigger (default 0.1; 0 as with `tolerance: "0"` in a
                            ScaledObject's behaviour)
      --reactive-trigger    add a second trigger for the current load, with the same target per pod: the autoscaler uses the
                            larger result, as with two triggers in a ScaledObject
      and the daemons' flags for kedastral's policy and model:
      --target-per-pod, --headroom, --quantile-level, --shortage-cost, --min, --max, --up-max-factor, --down-max-percent,
      --prewarm-steps, --rounding, --reactive-floor, --accuracy-gate, --window, --step, … (see kedastral --help; the
      default of --max is 1000 here)
    \(WorkloadSettings.fileHelp)

    Output:
      --sweep               vary each policy's parameter (utilisation; shortage cost; headroom) and compare at equal pod-hours
      --json, -o json       JSON instead of tables;  -o markdown for Markdown
      --svg FILE            write a chart of load, ready pods and violations (with the first startup time)
      --frontier-svg FILE   write a chart of the sweep: violations over pod-hours
      --desired-csv FILE    write timestamp,load,desired,ready of each 15-s sync, for the first policy named kedastral, or else
                            the first policy

    Results: violation minutes: minutes in which load > ready pods × capacity. Unserved: the share of the load above the
    capacity. Pod-hours count pods from their creation. × oracle: pod-hours divided by those of perfect foresight.

    Examples:
      # last week's load from Prometheus, with the two previous weeks as history
      kedastral replay --prometheus http://prometheus:9090 --query 'sum(rate(http_requests_total{app="api"}[1m]))' \\
        --days 21 --warmup 14d --target-per-pod 50 --quantile-level p95 --price 0.04 --svg api.svg

      # all parameter values, compared at equal cost
      kedastral replay --csv api.csv --startup 180s --sweep --frontier-svg frontier.svg
    """

  private static let ownOptions: [String: CommandOptions.Arity] = [
    "warmup": .one, "startup": .many, "pod-capacity": .one, "price": .one, "policy": .many, "utilization": .many,
    "model": .many, "lead-time": .one, "mode": .one, "select": .one, "interval": .one, "stabilization": .one,
    "hpa-stabilization": .one, "tolerance": .one, "hpa-tolerance": .one, "reactive-trigger": .none,
    "interpolation": .one, "sweep": .none, "json": .none, "o": .one, "svg": .one, "frontier-svg": .one,
    "desired-csv": .one,
  ]
  static let choices = [
    "model": ModelCatalog.names.sorted(), "policy": ReplayPlan.policies, "o": ["table", "json", "markdown"],
    "interpolation": ReplayLoad.Interpolation.allCases.map(\.rawValue),
    "mode": ScalingQuestion.Mode.allCases.map(\.rawValue), "select": ScalingQuestion.Selection.allCases.map(\.rawValue),
  ]
  static let options = ownOptions.merging(TraceInput.options) { own, _ in own }
    .merging(WorkloadSettings.fileOptions) { own, _ in own }

  static func run(_ arguments: [String]) async throws {
    let options = try CommandOptions(arguments, known: options)
    let settings = try WorkloadSettings(options, others: Self.options.keys)
    let input = try TraceInput(options)
    let plan = try ReplayPlan(options, settings)
    settings.sayWhatIsLeftOut(name)
    let pictures = ["svg", "frontier-svg", "desired-csv"].filter(options.has)
    if input.names.count > 1, let picture = pictures.first {
      throw UsageError(description: "--\(picture) needs exactly one load; \(input.names.count) are given")
    }
    var report = ReplayReport(price: try options.positiveNumber("price"))
    var progress = ProgressLine()
    for index in input.names.indices {
      let trace = try await input.trace(index, step: plan.step)
      let replay = try plan.replay(of: trace)
      let entrants = try plan.entrants(of: replay, sweeps: options.has("sweep") || options.has("frontier-svg"))
      let outcomes = try await replay.run(entrants) { share in
        progress.show(trace.name, share: (Double(index) + share) / Double(input.names.count))
      }
      progress.clear()
      for problem in Set(outcomes.compactMap(\.forecasts.failure)).sorted() {
        Program.say("kedastral replay: \(trace.name): \(problem)")
      }
      report.add(trace: trace.name, replay, outcomes)
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
    Program.show(report.text(try format(options)))
  }

  static func format(_ options: CommandOptions) throws(UsageError) -> ReportFormat {
    if options.has("json") { return .json }
    guard let text = options.value("o") else { return .table }
    guard let format = ReportFormat(rawValue: text) else {
      throw UsageError(description: "-o '\(text)' is unknown; choose one of table, json, markdown")
    }
    return format
  }
}

/// How a command writes its result.
enum ReportFormat: String {
  case table
  case json
  case markdown
}

extension Replay.ForecastTally {
  /// What a user must know of a model that did not do its work.
  var failure: String? {
    guard let problem, failed > 0 else { return nil }
    return "\(failed) of \(made + failed) forecasts failed, the last one with: \(problem)"
  }
}
