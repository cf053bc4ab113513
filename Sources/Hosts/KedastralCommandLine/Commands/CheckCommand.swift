import FoundationEssentials
import KedastralCore
import KedastralDaemon
import KedastralMemoryStore
import KedastralNet
import KedastralRedisStore
import KedastralSources

/// `kedastral check`: does this configuration make sense, do its sources answer, and what would be forecast?
enum CheckCommand: Command {
  static let name = "check"
  static let summary = "validate a configuration, try each source and the store once"

  static let help = """
    kedastral check reads the settings as the daemons do, queries each source once, and Redis if plans are kept there, and shows
    the resulting forecasts and plans. It stores and serves nothing. It exits with 1 when a source fails or returns too few
    samples for a forecast, or when Redis cannot be read, and with 2 when the configuration is invalid.

    Usage:
      kedastral check -config FILE [settings] [options]
      kedastral check [settings] [options]

    The settings are those of kedastral run: flags, environment and file.

    Options:
      --offline             only read the settings; do not connect to anything
      --deadline DURATION   maximum time for each source, and for Redis (default 10s)
      -o FORMAT             table (default), markdown, json

    Examples:
      kedastral check -config Examples/kedastral.yaml --offline
      kedastral check -config /etc/kedastral/kedastral.yaml --deadline 5s -o json
    """

  static let options: [String: CommandOptions.Arity] = ["offline": .none, "deadline": .one, "o": .one]
  static let choices = ["o": ["table", "json", "markdown"]]
  static let takesWorkloadSettings = false

  static func run(_ arguments: [String]) async throws {
    let options = try CommandOptions(arguments, known: options)
    let format = try options.words("o", among: choices["o"] ?? []).last ?? "table"
    let deadline = try options.duration("deadline") ?? .seconds(10)
    guard deadline > .zero else { throw UsageError(description: "--deadline is not positive; write one such as 10s") }
    var report = CheckReport()
    do {
      let loader = ConfigurationLoader(
        knownModels: ModelCatalog.names, environment: ProcessInfo.processInfo.environment)
      guard case .run(let configuration) = try loader.allInOne(arguments: options.rest) else {
        throw UsageError(description: "--version is an option of kedastral itself")
      }
      let tls = configuration.forecaster.tls
      if tls.isEnabled { _ = try TLSContext(.server, files: tls.files) }
      report.workloads = configuration.forecaster.workloads.map { CheckedWorkload($0) }
      report.problems = horizonProblems(of: configuration)
      guard report.problems.isEmpty else { return try show(report, format) }
      if !options.has("offline") {
        report.store = await StoreCheck(deadline: deadline).check(configuration.forecaster)
        report.workloads = try await SourceCheck(deadline: deadline, leadTime: configuration.scaler.leadTime)
          .check(configuration.forecaster.workloads)
      }
    } catch let error as ConfigurationError {
      report.problems = error.problems
    } catch let error as TLSContext.LoadError {
      report.problems = [ConfigurationProblem(.nowhere, "\(error)")]
    }
    try show(report, format)
  }

  /// What is forecast must reach as far as the scaler looks.
  private static func horizonProblems(of configuration: AllInOneConfiguration) -> [ConfigurationProblem] {
    let leadTime = configuration.scaler.leadTime
    return configuration.forecaster.workloads.filter { $0.horizon < leadTime }.map { workload in
      let (horizon, lead) = (DurationText.format(workload.horizon), DurationText.format(leadTime))
      return ConfigurationProblem(
        .nowhere,
        "workload '\(workload.name)': the forecast covers only \(horizon), but the lead time is \(lead); give it a horizon of at least \(lead), or a shorter -lead-time"
      )
    }
  }

  private static func show(_ report: CheckReport, _ format: String) throws {
    for problem in report.problems where format != "json" { Program.say("kedastral check: \(problem)") }
    if let problem = report.store?.problem, format != "json" { Program.say("kedastral check: \(problem)") }
    for warning in report.store?.warnings ?? [] where format != "json" {
      Program.say("kedastral check: warning: \(warning)")
    }
    for workload in report.workloads where format != "json" {
      if let problem = workload.problem { Program.say("kedastral check: \(workload.name): \(problem)") }
      for remark in workload.remarks { Program.say("kedastral check: \(workload.name): \(remark)") }
    }
    switch format {
    case "json": Program.show(report.json)
    case "markdown" where report.problems.isEmpty: Program.show(report.table.markdown)
    default: if report.problems.isEmpty { Program.show(report.table.text) }
    }
    if report.exitCode != ExitCode.done { throw EndedBadly(exitCode: report.exitCode) }
  }
}

/// Asks sources once, a few at a time, and plans from what they answer.
struct SourceCheck {
  let deadline: Duration
  let leadTime: Duration

  func check(_ workloads: [WorkloadConfiguration]) async throws -> [CheckedWorkload] {
    let factory = WorkloadFactory(
      sources: SourceFactory(client: try HTTPClient(on: try EventLoop()), clock: SystemWallClock(), logger: .silent),
      makeSource: nil)
    return await withTaskGroup(of: (Int, CheckedWorkload).self) { group in
      var results = workloads.map { CheckedWorkload($0) }
      var next = 0
      func addTask() {
        guard next < workloads.count else { return }
        let index = next
        next += 1
        group.addTask { (index, await check(workloads[index], factory)) }
      }
      for _ in 0..<16 { addTask() }
      while let (index, result) = await group.next() {
        results[index] = result
        addTask()
      }
      return results
    }
  }

  private func check(_ settings: WorkloadConfiguration, _ factory: WorkloadFactory) async -> CheckedWorkload {
    var checked = CheckedWorkload(settings)
    do {
      let entry = try factory.make(settings)
      checked.remarks = entry.sources.flatMap(\.remarks)
      let scraped = entry.sources.compactMap { $0.source as? ScrapeSource }
      for source in scraped { try await source.scrape() }
      // A page that is scraped has no past: what is read from it now is the first sample of a history to come.
      guard scraped.isEmpty else {
        checked.outcome = .answers
        return checked
      }
      var workload = entry.workload
      workload.collectDeadline = deadline
      let loop = ForecastLoop(workload, store: MemoryStore())
      let snapshot = try await loop.tick()
      checked.samples = await loop.history?.values.count { $0.isFinite }
      checked.explanation = await loop.record.map { PlanExplanation($0, leadTime: leadTime, at: snapshot.generatedAt) }
      checked.outcome = .plans
    } catch let failure as ForecastFailure {
      checked.outcome = .fails("\(failure.stage.rawValue): \(failure.problem)")
    } catch {
      checked.outcome = .fails("\(error)")
    }
    return checked
  }
}

/// Reads one plan from Redis: so it can be reached, takes the password, and lets plans be read.
struct StoreCheck {
  let deadline: Duration

  /// Asks the store of a configuration; nil when plans are kept in memory.
  func check(_ configuration: ForecasterConfiguration) async -> CheckedStore? {
    guard case .redis(let settings) = configuration.storage, let workload = configuration.workloads.first else {
      return nil
    }
    do {
      var redis = try RedisStore.Configuration(settings)
      redis.connectDeadline = deadline
      redis.callDeadline = deadline
      let store = try await RedisStore(redis, on: try EventLoop())
      var checked = CheckedStore(name: store.name)
      do {
        _ = try await store.get(workload.name)
        checked.warnings = try await store.missingPermissions()
      } catch { checked.problem = "\(error)" }
      await store.close()
      return checked
    } catch {
      return CheckedStore(name: "Redis", problem: "\(error)")
    }
  }
}
