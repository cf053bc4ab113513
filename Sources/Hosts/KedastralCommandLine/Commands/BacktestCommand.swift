import FoundationEssentials
import KedastralCore
import KedastralDaemon
import KedastralEvaluation

/// `kedastral backtest`: measures the accuracy of models on a recorded load.
enum BacktestCommand: Command {
  static let name = "backtest"
  static let summary = "measure the accuracy of models on a recorded load"

  static let syntax = CommandSyntax(
    about: """
      kedastral backtest measures the accuracy of models on recorded loads: forecasts from 20 origins in the last fifth of each
      load, using only the history before each origin, one hour ahead (one day at steps of half an hour and more). Models look
      back as far as the daemons let them: --window, 8 days by default.
      """,
    usage: ["--csv FILE… [options]", "--prometheus URL --query PROMQL [--days N] [options]"],
    groups: [
      .init(
        title: "The load", options: TraceInput.options,
        note: """
          A file whose first line is id,split,step,value is in the M4 competition's long format: the test part of each hourly
          series is forecast from its training part, and the mean over the series is shown.
          """),
      .init(
        title: "What to measure",
        options: [
          .init(
            "step", "DURATION",
            "the models' step (default: the load's own, or 1m from a server); a longer step averages samples"),
          .model("NAME…", "the models (default auto)"),
          .init("horizon", "DURATION", "how far ahead to forecast (default 1h; 1d at steps of half an hour and more)"),
          .init(
            "protocol", "NAME", choices: ["rolling-origin", "published"],
            """
            how accuracy is measured (default rolling-origin); published has the same origins with the windows of the published
            tables, 7 days of minutes, 14 days of longer steps, 28 days of half an hour and more
            """),
        ] + CovariateOptions.options,
        note:
          "And the daemons' flags for models: --window, --byom-url, --arima-p, --sarima-s, … (see kedastral run --help)."
      ),
      .init(title: "Output", options: [.output(ReportFormat.names), .json]),
    ],
    settings: .named(WorkloadSettings.flags),
    notes: [
      """
      Results: MASE: mean absolute error divided by that of repeating the previous day, within the history; below 1 is better.
      wMAPE: sum of absolute errors divided by the sum of the load. Pinball: the loss of a quantile, on MASE's scale. Coverage:
      the share of loads at or below a quantile. Fit and forecast: CPU milliseconds of the first forecast, with fit and
      selection, and of a further forecast after one more sample. With several loads the last line of each model shows the
      geometric mean of MASE and pinball, and the mean of the other columns.
      """
    ],
    examples: """
      kedastral backtest --csv traces/*.csv --model auto baseline
      kedastral backtest --prometheus http://prometheus:9090 --query 'sum(rate(http_requests_total{app="api"}[1m]))' --days 21
      """)

  static func run(_ options: CommandOptions) async throws {
    let settings = try WorkloadSettings(options)
    let format = options.format(default: ReportFormat.table)
    let isPublished = options.value("protocol") == "published"
    let input = try TraceInput(options)
    let step = try options.duration("step")
    if let step, step < .seconds(1) {
      throw UsageError(description: "--step \(DurationText.format(step)) is less than 1s")
    }
    let horizon = try options.duration("horizon")
    let names = options.list("model")
    let models = try (names.isEmpty ? ["auto"] : names).map(settings.model)
    var report = BacktestReport()
    var progress = ProgressLine()
    for index in input.names.indices {
      let tasks = Double(input.names.count * models.count)
      progress.show("reading \(input.names[index])", share: Double(index * models.count) / tasks)
      let load = try await Load(input, index, step: step)
      for (number, model) in models.enumerated() {
        progress.show("\(input.names[index]): \(model.name)", share: Double(index * models.count + number) / tasks)
        let result: Backtest.Result?
        switch load {
        case .split(let series): result = try await split(series, model, step: step ?? .seconds(3600))
        case .whole(let series):
          var origin = RollingOrigin.standard(step: series.step)
          if let horizon {
            guard horizon >= series.step else {
              throw UsageError(
                description:
                  "--horizon \(DurationText.format(horizon)) is less than a step of \(DurationText.format(series.step))"
              )
            }
            origin.horizon = Int(horizon / series.step)
          }
          if !isPublished { origin.window = max(2, Int(settings.workload.window / series.step)) }
          result = try await Backtest(origin).run(model, on: series, cpuSeconds: cpuSeconds)
        }
        progress.clear()
        guard let result else {
          throw UsageError(description: "\(input.names[index]) is too short: no origin is followed by a known load")
        }
        report.add(trace: input.names[index], model: model.name, result)
      }
    }
    Program.show(report.text(format))
  }

  /// The series of one file or query, read once for all models.
  private enum Load {
    /// The series of the M4 long format, each with its test part.
    case split([TraceText.SplitSeries])
    /// One series.
    case whole(TimeSeries)

    init(_ input: TraceInput, _ index: Int, step: Duration?) async throws {
      if let series = try input.splitSeries(index) {
        self = .split(series)
      } else {
        let trace = try await input.trace(index, step: step)
        self = .whole(step.map(trace.series.resampled(to:)) ?? trace.series)
      }
    }
  }

  /// The mean over the series of the M4 long format, with a season of one day.
  private static func split(
    _ all: [TraceText.SplitSeries], _ model: any Model, step: Duration
  ) async throws -> Backtest.Result? {
    var results: [Backtest.Result] = []
    for series in all where !series.test.isEmpty {
      let season = max(1, Int(86_400 / step.inSeconds))
      let backtest = Backtest(RollingOrigin(horizon: series.test.count, window: series.train.count, season: season))
      let history = TimeSeries(start: Date(timeIntervalSince1970: 0), step: step, values: series.train)
      if let result = try await backtest.run(model, history: history, test: series.test, cpuSeconds: cpuSeconds) {
        results.append(result)
      }
    }
    return Backtest.Result.mean(results)
  }
}
