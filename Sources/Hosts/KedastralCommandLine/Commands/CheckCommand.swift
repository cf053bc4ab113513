import FoundationEssentials
import KedastralCore
import KedastralDaemon
import KedastralMemoryStore
import KedastralNet
import KedastralRedisStore
import KedastralSources

/// `kedastral check`: validates a configuration, queries its sources, and forecasts once.
enum CheckCommand: Command {
  static let name = "check"
  static let summary = "validate a configuration, try each source and the store once"

  static let syntax = CommandSyntax(
    about: """
      kedastral check reads the settings as the daemons do, asks each source once, and Redis where plans are kept there, and shows
      what would be forecast and planned. Of workloads that are discovered it lists the names and the settings that apply to them. Nothing is stored, nothing is published and nothing is served. It ends with 1 when a
      source failed or gave too little to forecast from, or when Redis cannot be used with the user's permissions, and with 2
      when the configuration is invalid. A user without the channel's permission is a warning: plans arrive later.

      A workload whose horizon is shorter than the lead time is refused. The lead time is the scaler's: where a file configures
      a forecaster alone, its default of 5m counts; give -lead-time for scalers that are asked with another one.
      """,
    usage: ["-config FILE [settings] [options]", "[settings] [options]"],
    groups: [
      .init(
        title: "Options",
        options: [
          .init(
            "role", "ROLE", choices: Role.allCases.map(\.rawValue),
            """
            whose permissions in Redis are checked (default all): all and forecaster store plans, a scaler reads them; with
            scaler the settings are those of kedastral-scaler, and need no workload
            """),
          .flag("offline", "only read the settings; make no request"),
          .init("deadline", "DURATION", "how long a source, or Redis, may take (default 10s)"),
          .init(
            "calibration", "FILE",
            "what kedastral calibrate -o json measured: warns when the workload's targetPerPod is outside of its interval"
          ),
          .output(ReportFormat.names), .json,
        ],
        note: "The settings are those of kedastral run: flags, environment and file.")
    ],
    settings: .all,
    examples: """
      kedastral check -config Examples/kedastral.yaml --offline
      kedastral check -config /etc/kedastral/kedastral.yaml --deadline 5s -o json
      kedastral check --role scaler -storage=redis -redis-url=redis://reader@redis:6379
      """)

  /// The processes whose configuration is checked.
  enum Role: String, CaseIterable {
    case all
    case forecaster
    case scaler
  }

  static func run(_ options: CommandOptions) async throws {
    let format = options.format(default: ReportFormat.table)
    let deadline = try options.positiveDuration("deadline") ?? .seconds(10)
    let role: Role = options.choice("role") ?? .all
    let isOffline = options.has("offline")
    let loader = ConfigurationLoader(
      knownModels: ModelCatalog.names, environment: ProcessInfo.processInfo.environment)
    let calibration = try options.value("calibration").map(CalibrationFile.init)
    var report = CheckReport()
    do {
      if role == .scaler {
        let configuration = try configuration(try loader.scaler(arguments: options.settings))
        let tls = configuration.tls
        if tls.isEnabled, tls.files.certificate != nil { _ = try TLSContext(.server, files: tls.files) }
        if !isOffline { report.store = await StoreCheck(deadline: deadline).check(configuration) }
      } else {
        let configuration = try configuration(try loader.allInOne(arguments: options.settings))
        let tls = configuration.forecaster.tls
        if tls.isEnabled { _ = try TLSContext(.server, files: tls.files) }
        report.workloads = configuration.forecaster.workloads.map { CheckedWorkload($0) }
        report.problems = horizonProblems(of: configuration)
        if report.problems.isEmpty, !isOffline {
          report.store = await StoreCheck(deadline: deadline).check(configuration.forecaster)
          report.workloads = try await SourceCheck(deadline: deadline, leadTime: configuration.scaler.leadTime)
            .check(configuration.forecaster.workloads)
          report.discoveries = try await DiscoveryCheck(
            deadline: deadline, reserved: Set(configuration.forecaster.workloads.map(\.name))
          ).check(configuration.forecaster.discovery)
        }
      }
    } catch let error as ConfigurationError {
      report.problems = error.problems
    } catch let error as TLSContext.LoadError {
      report.problems = [ConfigurationProblem(.nowhere, "\(error)")]
    }
    try calibration?.compare(with: &report.workloads)
    try show(report, format)
  }

  private static func configuration<Configuration>(
    _ invocation: Invocation<Configuration>
  ) throws(UsageError) -> Configuration {
    guard case .run(let configuration) = invocation else {
      throw UsageError(description: "--version is an option of kedastral itself")
    }
    return configuration
  }

  /// The horizon must cover the scaler's lead time.
  private static func horizonProblems(of configuration: AllInOneConfiguration) -> [ConfigurationProblem] {
    let leadTime = configuration.scaler.leadTime
    let (workloads, discovery) = (configuration.forecaster.workloads, configuration.forecaster.discovery)
    let named = workloads.map { ("workload '\($0.name)'", $0.horizon) }
    let discovered = discovery.flatMap(\.rules).map { rule in
      ("discovered workloads '\(rule.patterns.map(\.text).joined(separator: ", "))'", rule.template.horizon)
    }
    return (named + discovered).filter { $0.1 < leadTime }.map { name, horizon in
      let (horizon, lead) = (DurationText.format(horizon), DurationText.format(leadTime))
      return ConfigurationProblem(
        .nowhere,
        "\(name): the forecast covers only \(horizon), but the lead time is \(lead); give it a horizon of at least \(lead), or a shorter -lead-time"
      )
    }
  }

  private static func show(_ report: CheckReport, _ format: ReportFormat) throws {
    for problem in report.problems where format != .json { Program.say("kedastral check: \(problem)") }
    for problem in report.store?.problems ?? [] where format != .json { Program.say("kedastral check: \(problem)") }
    for warning in report.store?.warnings ?? [] where format != .json {
      Program.say("kedastral check: warning: \(warning)")
    }
    for workload in report.workloads where format != .json {
      if let problem = workload.problem { Program.say("kedastral check: \(workload.name): \(problem)") }
      for remark in workload.remarks { Program.say("kedastral check: \(workload.name): \(remark)") }
    }
    for discovery in report.discoveries where format != .json {
      if let problem = discovery.problem { Program.say("kedastral check: discovery: \(problem)") }
    }
    switch format {
    case .json: Program.show(report.json)
    case _ where report.workloads.isEmpty && report.discoveries.isEmpty:
      if let store = report.store, store.problems.isEmpty { Program.show("\(store.name): ok") }
    case _ where !report.problems.isEmpty: break
    default:
      let tables = (report.workloads.isEmpty ? [] : [report.table]) + report.discoveries.map(\.table)
      for table in tables { Program.show(format == .markdown ? table.markdown : table.text) }
    }
    if report.exitCode != ExitCode.done { throw EndedBadly(exitCode: report.exitCode) }
  }
}

/// Queries each source once, a few at a time, and plans from the responses.
struct SourceCheck {
  let deadline: Duration
  let leadTime: Duration

  func check(_ workloads: [WorkloadConfiguration]) async throws -> [CheckedWorkload] {
    let factory = WorkloadFactory(
      sources: SourceFactory(client: try HTTPClient(on: try EventLoop()), clock: SystemWallClock(), logger: .silent))
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
      let probes = entry.sources.compactMap(\.probe)
      for probe in probes { checked.remarks += try await probe(deadline) }
      // A source without a past: the value read now is the first sample.
      guard probes.isEmpty else {
        checked.outcome = entry.sources.allSatisfy(\.isPushed) ? .unasked : .answers
        return checked
      }
      var workload = entry.served.workload
      workload.collectDeadline = deadline
      let loop = ForecastLoop(workload, store: MemoryStore())
      let snapshot = try await loop.tick()
      checked.samples = await loop.history?.values.count { $0.isFinite }
      checked.explanation = await loop.record.map {
        PlanExplanation($0, leadTime: snapshot.leadTime(orElse: leadTime), at: snapshot.generatedAt)
      }
      checked.remarks += checked.explanation?.covariates?.map { "covariate \($0.text)" } ?? []
      checked.outcome = .plans
    } catch let failure as ForecastFailure {
      checked.outcome = .fails("\(failure.stage.rawValue): \(failure.problem)")
    } catch {
      checked.outcome = .fails("\(error)")
    }
    return checked
  }
}

/// Checks the plan store: connection, password, and the permissions that the role needs.
struct StoreCheck {
  let deadline: Duration

  /// Checks a forecaster's store; nil when plans are kept in memory.
  func check(_ configuration: ForecasterConfiguration) async -> CheckedStore? {
    let workloads = configuration.workloads + configuration.discovery.flatMap { $0.rules.map(\.template) }
    guard case .redis(let settings, _) = configuration.storage, let workload = workloads.first else {
      return nil
    }
    return await check(settings, as: .writer, workload: workload.name)
  }

  /// Checks a scaler's store, or the forecaster that it follows.
  func check(_ configuration: ScalerConfiguration) async -> CheckedStore {
    switch configuration.storage {
    case .redis(let settings, _): return await check(settings, as: .reader, workload: nil)
    case .memory:
      var checked = CheckedStore(name: "\(configuration.forecasterURL)")
      do {
        let endpoint = HTTPEndpoint(
          configuration.forecasterURL.text,
          credentials: configuration.forecasterTokenFile.map { .bearer(file: $0) } ?? .none,
          tls: configuration.tls.files, deadline: deadline)
        _ = try await ForecasterClient(endpoint: endpoint, client: try HTTPClient(on: try EventLoop())).workloads()
      } catch { checked.problems = ["\(error)"] }
      return checked
    }
  }

  private func check(
    _ settings: RedisConfiguration, as role: RedisStore.Role, workload: WorkloadName?
  ) async -> CheckedStore {
    do {
      var redis = settings
      redis.connectDeadline = deadline
      redis.callDeadline = deadline
      let store = try await RedisStore(redis, on: try EventLoop())
      var checked = CheckedStore(name: store.name)
      do {
        let found = try await store.permissionProblems(of: role, workload: workload)
        checked.problems = found.filter(\.isFatal).map(\.description)
        checked.warnings = found.filter { !$0.isFatal }.map(\.description)
        // A plan that cannot be read for another reason, for example because it is too large.
        if checked.problems.isEmpty, let workload { _ = try await store.get(workload) }
      } catch { checked.problems.append("\(error)") }
      await store.close()
      return checked
    } catch {
      return CheckedStore(name: "Redis", problems: ["\(error)"])
    }
  }
}
