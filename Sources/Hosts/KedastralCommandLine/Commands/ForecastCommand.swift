import FoundationEssentials
import Glibc
import KedastralCore
import KedastralDaemon

/// `kedastral forecast`: forecasts a recorded load once, and plans replicas for it.
enum ForecastCommand: Command {
  static let name = "forecast"
  static let summary = "forecast a recorded load once"

  static let syntax = CommandSyntax(
    about: """
      kedastral forecast reads a load, forecasts its next values, and plans replicas for them: once, without a daemon.
      """,
    usage: ["--csv FILE… [options]", "--prometheus URL --query PROMQL [--days N] [options]"],
    groups: [
      .init(title: "The load", options: TraceInput.options),
      .init(
        title: "The forecast",
        options: [
          .init(
            "horizon", "DURATION", "how far ahead (default 30m, or 30 steps when that is longer; or the file's)"),
          .init(
            "step", "DURATION",
            """
            the model's step (default: the load's own, 1m from a server, or the file's); a longer step averages samples
            """),
          .model("NAME", "the model (default auto, or the file's)"),
          .init("quantile", "LEVEL…", "quantiles to show (default p50,p90; p95 or 0.95)"),
        ] + CovariateOptions.options + WorkloadSettings.fileOptions,
        note: """
          And the daemons' flags for model and policy: --target-per-pod, --headroom, --quantile-level, --shortage-cost, --objective, --min,
          --max, --window, … (see kedastral run --help).
          """),
      .init(
        title: "Output",
        options: [
          .output(ForecastFormat.names), .json,
          .init("svg", "FILE", "write a chart of load, forecast, its quantiles and the replicas"),
        ],
        note: "A sparkline is a line of bars; json is the document that a forecaster serves."),
    ],
    settings: .named(WorkloadSettings.flags),
    examples: """
      kedastral forecast --csv api.csv --horizon 2h --target-per-pod 50
      kedastral forecast --prometheus http://prometheus:9090 --query 'sum(rate(http_requests_total{app="api"}[1m]))' -o json
      """)

  static func run(_ options: CommandOptions) async throws {
    let settings = try WorkloadSettings(options)
    let format = options.format(default: ForecastFormat.table)
    let levels = try levels(options)
    let input = try TraceInput(options)
    let model = try settings.model(options.value("model"))
    settings.sayWhatIsLeftOut(name)
    let ownStep = try options.duration("step") ?? (settings.areFromFile ? settings.workload.step : nil)
    if let ownStep, ownStep < .seconds(1) {
      throw UsageError(description: "--step \(DurationText.format(ownStep)) is less than 1s")
    }
    let ownHorizon = try options.duration("horizon") ?? (settings.areFromFile ? settings.workload.horizon : nil)
    guard options.value("svg") == nil || input.names.count == 1 else {
      throw UsageError(description: "--svg needs exactly one load; \(input.names.count) are given")
    }
    let style = TextStyle.of(STDOUT_FILENO)
    let width = TerminalSize(of: STDOUT_FILENO).columns
    for index in input.names.indices {
      let trace = try await input.trace(index, step: ownStep)
      let series = ownStep.map(trace.series.resampled(to:)) ?? trace.series
      let horizon = ownHorizon ?? max(.seconds(1800), series.step * 30)
      guard horizon >= series.step else {
        throw UsageError(
          description:
            "--horizon \(DurationText.format(horizon)) is less than a step, \(DurationText.format(series.step))")
      }
      let known = series.step * series.count
      if horizon * 2 > known {
        Program.say(
          "kedastral forecast: \(trace.name): the history of \(DurationText.format(known)) is short for a horizon of \(DurationText.format(horizon))"
        )
      }
      let forecast = OneForecast(
        name: trace.name, series: series, horizon: horizon, levels: levels, model: model, settings: settings.workload)
      let report = SnapshotReport(
        snapshot: try await forecast.snapshot(), history: series.suffix(2 * forecast.steps))
      if index > 0, let separator = format.separator { Program.show(separator) }
      Program.show(try report.text(format, style: style, width: width))
      if let path = options.value("svg") {
        try WriteError.write(ForecastPicture(snapshot: report.snapshot, history: report.history).svg, to: path)
      }
    }
  }

  private static func levels(_ options: CommandOptions) throws(UsageError) -> [Double] {
    guard options.has("quantile") else { return [0.5, 0.9] }
    var levels: [Double] = []
    for text in options.list("quantile") {
      let level = text.first == "p" ? Double(text.dropFirst()).map { $0 / 100 } : Double(text)
      guard let level, level > 0, level < 1 else {
        throw UsageError(description: "--quantile '\(text)' is not a level between 0 and 1, such as p90 or 0.9")
      }
      levels.append(level)
    }
    return levels
  }
}

/// One forecast and plan of one series, as the daemons' loop would make it at the end of the series.
struct OneForecast {
  let name: String
  let series: TimeSeries
  let horizon: Duration
  let levels: [Double]
  let model: any Model
  let settings: WorkloadConfiguration

  var steps: Int { max(1, horizon.steps(of: series.step)) }

  /// The snapshot, made at the end of the series.
  func snapshot() async throws -> Snapshot {
    let policy = try settings.policy.makePolicy(timeZone: settings.timeZone)
    var history = series
    history.keepLast(max(2, Int(settings.window.inSeconds / series.step.inSeconds)))
    let wanted = Set(levels + policy.requiredQuantiles).sorted()
    var session = model.makeSession()
    let forecast = try await session.forecast(history, steps: steps, quantiles: wanted)
    if let defect = forecast.defect { throw Defect(description: "\(name): \(defect)") }
    let load = history.lastPresent
    let plan = try policy.checkedPlan(forecast, from: CapacityState(currentLoad: load))
    return try Snapshot(
      workload: try WorkloadName(Self.workloadName(name)), metric: "load", generatedAt: forecast.start,
      step: series.step, horizon: horizon, values: forecast.values, desiredReplicas: plan.replicas,
      quantiles: forecast.quantiles, plannedLoad: plan.loads, model: forecast.model, currentValue: load,
      targetPerPod: policy.targetPerPod, reason: plan.reason ?? forecast.reason)
  }

  /// A forecast that cannot be used for planning.
  struct Defect: Error, CustomStringConvertible { let description: String }

  /// A trace's name without the characters that a workload's name cannot have.
  static func workloadName(_ text: String) -> String {
    let kept = text.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "-" }
    let words = String(kept).split(separator: "-").joined(separator: "-").prefix(253)
    let name = String(words.last == "-" ? words.dropLast() : words)
    return name.isEmpty ? "load" : name
  }
}
