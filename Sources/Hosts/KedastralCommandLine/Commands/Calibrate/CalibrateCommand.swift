import FoundationEssentials
import Glibc
import KedastralCore
import KedastralDaemon
import KedastralEvaluation
import KedastralNet
import KedastralSources

/// `kedastral calibrate`: measures how much load a pod carries.
enum CalibrateCommand: Command {
  static let name = "calibrate"
  static let summary = "measure how much load a pod carries, from past load, pods and saturation"

  static let syntax = CommandSyntax(
    about: """
      kedastral calibrate reads load, running pods and a saturation (CPU as a share of its request or limit, or a latency) of the
      last weeks from Prometheus, and reports the load that a pod carries at the wanted saturation, with its 95 % interval and the
      line for the configuration. When the data cannot tell, it says why and ends with 1.
      """,
    usage: ["--prometheus URL --load PROMQL --pods PROMQL (--saturation PROMQL | --latency PROMQL) [options]"],
    groups: [
      .init(
        title: "The data",
        options: [
          .init("prometheus", "URL", "a Prometheus server (or VictoriaMetrics, Thanos, Mimir)"),
          .init("load", "PROMQL", "the load of all pods together, as in the workload's source"),
          .init("pods", "PROMQL", "the number of running pods"),
          .init("saturation", "PROMQL", "the mean share of its CPU request or limit that a pod uses; 1 is all of it"),
          .init("latency", "PROMQL", "instead of a saturation: a latency in seconds, such as the 95th percentile"),
          .init("days", "N", "how many days up to now to query (default 14)"),
          .init("step", "DURATION", "the time between two samples (default 5m)"),
          PrometheusOptions.bearerTokenFile,
        ],
        note: "Each query must return one series."),
      .init(
        title: "What is wanted",
        options: [
          .init(
            "at", "VALUE",
            "the wanted saturation (default 70%; also 0.7), or the wanted latency, such as 250ms (needed with --latency)"
          )
        ]),
      .init(
        title: "Output",
        options: [
          .output(CalibrationFormat.names), .json,
          .init("workload", "NAME", "the workload's name, for kedastral check"),
          .init("svg", "FILE", "write a chart of the samples and the line through them"),
        ],
        note:
          "As yaml, only the line for the workload's policy is written. kedastral check --calibration reads the json."),
    ],
    notes: [
      """
      The line through the samples is the one of Theil and Sen: the median of the slopes of all pairs of samples, which outliers
      do not move. The interval comes from drawing blocks of six hours again and again. The data cannot tell when the pods were
      never above 30 % saturation, when the relation changed (a deploy), when the saturation does not follow the load, and
      when the interval is wider than half of the value.
      """
    ],
    examples: """
      kedastral calibrate --prometheus http://prometheus:9090 \\
        --load 'sum(rate(http_requests_total{app="api"}[5m]))' --pods 'count(up{app="api"} == 1)' \\
        --saturation 'avg(rate(container_cpu_usage_seconds_total{pod=~"api-.*"}[5m])) / 0.5' --at 70%
      """)

  static func run(_ options: CommandOptions) async throws {
    let input = try CalibrationInput(options)
    let samples = try await input.samples()
    let calibration: CapacityCalibration
    do throws(CapacityCalibration.Refusal) {
      calibration = try CapacityCalibration(samples, measure: input.measure)
    } catch {
      throw CalibrationFailure(description: CalibrationReport.words(error, measure: input.measure))
    }
    let report = CalibrationReport(calibration, days: input.days, workload: options.value("workload"))
    if let path = options.value("svg") { try WriteError.write(CalibrationPicture(calibration).svg, to: path) }
    let style = TextStyle.of(STDOUT_FILENO)
    Program.show(
      report.text(
        options.format(default: CalibrationFormat.table), style: style,
        width: TerminalSize(of: STDOUT_FILENO).columns))
  }
}

/// How a calibration is written.
enum CalibrationFormat: String, CaseIterable {
  case table
  case json
  case yaml

  static var names: [String] { allCases.map(\.rawValue) }
}

/// The data do not give a capacity.
struct CalibrationFailure: Error, CustomStringConvertible {
  let description: String
}

/// The queries of a calibration.
struct CalibrationInput {
  let measure: CapacityCalibration.Measure
  let days: Double
  private let server: HTTPEndpoint
  private let queries: [String]
  private let step: Duration

  init(_ options: CommandOptions) throws(UsageError) {
    guard let url = options.value("prometheus") else {
      throw UsageError(description: "no server given; write --prometheus URL")
    }
    server = try PrometheusOptions.endpoint(url, options)
    var queries: [String] = []
    for name in ["load", "pods"] {
      guard let query = options.value(name) else { throw UsageError(description: "--\(name) PROMQL is missing") }
      queries.append(query)
    }
    switch (options.value("saturation"), options.value("latency")) {
    case (let query?, nil):
      queries.append(query)
      measure = .share(wanted: try Self.share(options) ?? 0.7)
    case (nil, let query?):
      queries.append(query)
      guard let wanted = try options.positiveDuration("at") else {
        throw UsageError(description: "--latency needs the wanted latency; write --at DURATION, such as --at 250ms")
      }
      measure = .latency(wanted: wanted.inSeconds)
    case (nil, nil):
      throw UsageError(description: "no saturation given; write --saturation PROMQL or --latency PROMQL")
    default: throw UsageError(description: "--saturation and --latency cannot be combined")
    }
    days = try options.positiveNumber("days") ?? 14
    guard days <= 366 else {
      throw UsageError(description: "\(options.typed("days")) \(days.text(0)) is more than a year")
    }
    step = try options.positiveDuration("step") ?? .seconds(300)
    guard step >= .seconds(15) else {
      throw UsageError(description: "\(options.typed("step")) \(DurationText.format(step)) is less than 15s")
    }
    self.queries = queries
  }

  /// `70%` or `0.7`.
  private static func share(_ options: CommandOptions) throws(UsageError) -> Double? {
    guard let text = options.value("at") else { return nil }
    let share = text.last == "%" ? Double(text.dropLast()).map { $0 / 100 } : Double(text)
    guard let share, share > 0, share <= 1 else {
      throw UsageError(description: "\(options.typed("at")) '\(text)' is not a share up to 100%, such as 70% or 0.7")
    }
    return share
  }

  /// The samples at which load, pods and saturation are known.
  func samples() async throws -> [CapacityCalibration.Sample] {
    let end = Date().floored(to: step)
    let range = (end - .seconds(days * 86_400))..<(end + step / 2)
    let client = try HTTPClient(on: try EventLoop())
    var series: [TimeSeries] = []
    for query in queries {
      let source = PrometheusSource(endpoint: server, query: query, client: client)
      let answer = try await source.samples(in: range, step: step)
      guard answer.lastPresentIndex != nil else {
        throw CalibrationFailure(
          description: "the query returned no sample in the last \(days.shortText) days: \(query)")
      }
      series.append(answer)
    }
    return Self.samples(load: series[0], pods: series[1], figure: series[2])
  }

  /// Joins three series on the same grid.
  static func samples(
    load: TimeSeries, pods: TimeSeries, figure: TimeSeries
  ) -> [CapacityCalibration.Sample] {
    load.values.indices.compactMap { index in
      guard index < pods.count, index < figure.count, pods.values[index] >= 1 else { return nil }
      let perPod = load.values[index] / pods.values[index]
      guard perPod.isFinite, figure.values[index].isFinite else { return nil }
      return .init(instant: load.instant(at: index), loadPerPod: perPod, figure: figure.values[index])
    }
  }
}
