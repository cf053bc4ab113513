import FoundationEssentials
import Glibc
import KedastralCore
import KedastralDaemon
import KedastralEvaluation
import KedastralNet
import KedastralSources

/// `kedastral survey`: finds the workloads that are worth a forecast.
enum SurveyCommand: Command {
  static let name = "survey"
  static let summary = "find the workloads that are worth a forecast"

  static let syntax = CommandSyntax(
    about: """
      kedastral survey reads every series that a query returns, such as the load of each app, measures how well it can be
      forecast, replays it against an HPA in a simulated cluster, and reports what a forecast would gain for each: minutes with
      too few pods avoided, pod-hours saved, and money at --price. Workloads that should stay with an HPA are named, with the
      reason. Nothing is stored and nothing is changed.
      """,
    usage: ["--prometheus URL --query PROMQL [--days N] [options]"],
    groups: [
      .init(
        title: "The loads",
        options: [
          .init("prometheus", "URL", "a Prometheus server (or VictoriaMetrics, Thanos, Mimir)"),
          .init("query", "PROMQL", "the query; each series that it returns is a workload, named by its labels"),
          .init("days", "N", "how many days up to now to query (default 28); 9 are needed for weekly patterns"),
          .init("step", "DURATION", "the time between two samples (default 1m)"),
          .init("limit", "N", "the number of series at most, those with the most load (default 500)"),
          PrometheusOptions.bearerTokenFile,
        ]),
      .init(
        title: "The cluster",
        options: [
          .init(
            "target-per-pod", "LOAD",
            "the maximum load that a pod of each of these workloads can serve (default: derived from the peak)"),
          .init(
            "peak-pods", "N",
            "without --target-per-pod: the number of pods that the load's 99th percentile needs (default 20)"),
          .init("startup", "DURATION", "time from a pod's creation to its first request (default 3m)"),
          .init("min", "N", "the fewest replicas (default 1)"),
          .init("utilization", "U", "the HPA's target share of what a pod can serve (default 0.7)"),
        ]),
      .init(
        title: "What is worth it",
        options: [
          .init("price", "PRICE", "price of a pod-hour; adds what is saved"),
          .model("NAME", "the model of the forecasts (default auto, fitted once a day)"),
          .init(
            "minute-value", "N",
            "the pod-hours that one avoided minute with too few pods is worth, for order and choice (default 1)"),
        ]),
      .init(
        title: "Output",
        options: [.output(SurveyFormat.names), .json],
        note: """
          html is one self-contained page. yaml is the configuration to start with: the workloads that are worth it, in dry run;
          kedastral check accepts it.
          """),
    ],
    notes: [
      """
      The first half of the time, at most a week, is history only. On the first half of the rest the setting
      (quantile level, and how far pods are filled) is chosen that gains most without being short for longer than the HPA, or for more than 0.1 % of the time; the results are of
      the second half.
      """
    ],
    examples: """
      kedastral survey --prometheus http://prometheus:9090 --query 'sum by (app) (rate(http_requests_total[5m]))' --days 28
      kedastral survey --prometheus http://prometheus:9090 --query 'sum by (app) (rate(http_requests_total[5m]))' \\
        --target-per-pod 50 --price 0.04 -o html > survey.html
      """)

  static func run(_ options: CommandOptions) async throws {
    let input = try SurveyInput(options)
    var progress = ProgressLine()
    let table = try await input.read { progress.show("reading the loads", share: $0 * SurveyInput.readingShare) }
    guard !table.series.isEmpty else {
      progress.clear()
      throw SurveyFailure(
        description: "the query returned no sample in the last \(input.days.shortText) days: \(input.query)")
    }
    let workloads = input.workloads(of: table)
    let results = await SurveyRun(input.survey).findings(of: workloads) { name, done in
      let share = Double(done) / Double(workloads.count)
      progress.show(
        "\(name) (\(done) of \(workloads.count))",
        share: SurveyInput.readingShare + (1 - SurveyInput.readingShare) * share)
    }
    progress.clear()
    try Task.checkCancellation()
    for failure in results.failures { Program.say("kedastral survey: \(failure)") }
    guard !results.surveyed.isEmpty else { throw SurveyFailure(description: "no workload could be replayed") }
    let report = SurveyReport(results.surveyed, input.conditions(leftOut: table.leftOut))
    Program.show(report.text(options.format(default: SurveyFormat.table), style: TextStyle.of(STDOUT_FILENO)))
  }
}

/// A survey that could not be made.
struct SurveyFailure: Error, CustomStringConvertible {
  let description: String
}

/// Examines workloads, one on each core at a time.
struct SurveyRun {
  /// A workload to examine.
  struct Workload: Sendable {
    var name: String
    var query: String
    var load: TimeSeries
  }

  private let survey: WorkloadSurvey
  private let workers: Int

  init(_ survey: WorkloadSurvey, workers: Int = ProcessInfo.processInfo.activeProcessorCount) {
    self.survey = survey
    self.workers = max(1, workers)
  }

  /// Examines all workloads; those that fail are reported with the reason.
  ///
  /// - Parameter progress: called after each workload, with its name and the number of those that are done.
  func findings(
    of workloads: [Workload], progress: (String, Int) -> Void
  ) async -> (surveyed: [SurveyedWorkload], failures: [String]) {
    var surveyed: [SurveyedWorkload] = []
    var failures: [String] = []
    await withTaskGroup(of: Examined.self) { group in
      var next = 0
      func addTask() {
        guard next < workloads.count else { return }
        let workload = workloads[next]
        next += 1
        group.addTask { await examine(workload) }
      }
      for _ in 0..<workers { addTask() }
      while let examined = await group.next() {
        switch examined.result {
        case .success(let finding): surveyed.append(SurveyedWorkload(finding: finding, query: examined.query))
        case .failure(let error): failures.append("\(examined.name): \(error)")
        }
        progress(examined.name, surveyed.count + failures.count)
        addTask()
      }
    }
    return (surveyed, failures.sorted())
  }

  /// The result of one workload; a class, so that a task returns a reference and not a large value.
  private final class Examined: Sendable {
    let name: String
    let query: String
    let result: Result<SurveyFinding, any Error>

    init(_ workload: Workload, _ result: Result<SurveyFinding, any Error>) {
      (name, query, self.result) = (workload.name, workload.query, result)
    }
  }

  private func examine(_ workload: Workload) async -> Examined {
    do {
      return Examined(workload, .success(try await survey.examine(workload.name, workload.load)))
    } catch {
      return Examined(workload, .failure(error))
    }
  }
}

/// The options of a survey.
struct SurveyInput {
  /// The part of the progress bar for reading.
  static let readingShare = 0.1

  let query: String
  let days: Double
  private(set) var survey = WorkloadSurvey()
  private let server: HTTPEndpoint
  private let url: String
  private let tokenFile: String?
  private let step: Duration
  private let limit: Int
  private let price: Double?
  private let madeAt = Date()

  init(_ options: CommandOptions) throws {
    guard let url = options.value("prometheus") else {
      throw UsageError(description: "no server given; write --prometheus URL")
    }
    var server = try PrometheusOptions.endpoint(url, options, deadline: .seconds(120))
    server.maximumAnswerBytes = 256 << 20
    self.server = server
    guard let query = options.value("query"), !query.isEmpty else {
      throw UsageError(description: "--prometheus needs --query PROMQL")
    }
    days = try options.positiveNumber("days") ?? 28
    guard days <= 366 else {
      throw UsageError(description: "\(options.typed("days")) \(days.text(0)) is more than a year")
    }
    step = try options.positiveDuration("step") ?? .seconds(60)
    guard step >= .seconds(60), step.inSeconds.truncatingRemainder(dividingBy: 60) == 0 else {
      throw UsageError(
        description: "\(options.typed("step")) \(DurationText.format(step)) is not a number of whole minutes")
    }
    limit = Int(try options.positiveNumber("limit") ?? 500)
    price = try options.positiveNumber("price")
    if options.has("target-per-pod"), options.has("peak-pods") {
      throw UsageError(description: "--target-per-pod and --peak-pods cannot be combined")
    }
    if let target = try options.positiveNumber("target-per-pod") {
      survey.target = .given(target)
    } else if let pods = try options.positiveNumber("peak-pods") {
      survey.target = .peakPods(pods)
    }
    if let startup = try options.duration("startup") {
      guard startup >= .zero, startup <= .seconds(3600) else {
        throw UsageError(
          description: "\(options.typed("startup")) \(DurationText.format(startup)) is not between 0s and 1h")
      }
      survey.startup = startup
    }
    if let least = try options.positiveNumber("min") { survey.minReplicas = max(1, Int(min(least, 1e5))) }
    if let utilization = try options.positiveNumber("utilization") {
      guard utilization <= 1 else {
        throw UsageError(
          description: "\(options.typed("utilization")) \(utilization.shortText) is not a share up to 1, such as 0.7")
      }
      survey.utilization = utilization
    }
    if let value = try options.positiveNumber("minute-value") { survey.rule.minuteValue = value }
    if let model = options.list("model").last, model != "auto" { survey.model = try WorkloadSettings().model(model) }
    tokenFile = options.value("bearer-token-file")
    (self.url, self.query) = (url, query)
  }

  /// Reads all series.
  func read(progress: (Double) -> Void) async throws -> PrometheusTable {
    let end = madeAt.floored(to: step)
    return try await PrometheusTable.read(
      query, from: server, client: try HTTPClient(on: try EventLoop()),
      in: (end - .seconds(days * 86_400))..<(end + step / 2), step: step, limit: limit, progress: progress)
  }

  /// The workloads of the series that have samples: name, query and load from the first to the last sample.
  func workloads(of table: PrometheusTable) -> [SurveyRun.Workload] {
    let names = SurveyNames.names(table.series.map(\.labels))
    return zip(names, table.series).compactMap { name, series in
      guard let first = series.load.values.firstIndex(where: \.isFinite), let last = series.load.lastPresentIndex else {
        return nil
      }
      return SurveyRun.Workload(
        name: name, query: NarrowedQuery(query, labels: series.labels).text, load: series.load.slice(first..<last + 1))
    }
  }

  func conditions(leftOut: Int) -> SurveyReport.Conditions {
    SurveyReport.Conditions(
      query: query, url: url, tokenFile: tokenFile, days: days, step: step, survey: survey, price: price,
      madeAt: madeAt, leftOut: leftOut)
  }
}
