import FoundationEssentials
import KedastralCore
import KedastralDaemon
import KedastralModels
import KedastralNet
import KedastralSources

/// A workload's model and policy settings for a command, read from flags and file with the daemons' configuration reader.
struct WorkloadSettings {
  /// The options of a command that can read a workload from a file.
  static let fileOptions: [CommandSyntax.Option] = [
    .init(
      "config", "FILE", "use a workload's settings from a daemon's file, including schedules; flags override the file"),
    .init("workload", "NAME", "the workload in --config FILE; not needed if the file has only one"),
  ]

  /// The settings flags that commands accept.
  static let flags = [
    "target-per-pod", "headroom", "quantile-level", "shortage-cost", "objective", "min", "max", "up-max-factor",
    "down-max-percent",
    "prewarm-steps",
    "rounding", "reactive-floor", "accuracy-gate", "window", "step", "time-zone", "calendar-country",
    "calendar-holidays-file", "calendar-events-file", "byom-url", "arima-p", "arima-d",
    "arima-q",
    "sarima-p", "sarima-d", "sarima-q", "sarima-sp", "sarima-sd", "sarima-sq", "sarima-s",
  ]

  /// Whether they come from a daemon's file: then they are used unchanged, including defaults.
  var areFromFile: Bool { file != nil }

  private let arguments: [String]
  private let file: (path: String, workload: String?)?
  /// The settings, including the model.
  let workload: WorkloadConfiguration
  /// The covariates that options name, or the schedules of the file's workload.
  private var covariates: [Covariate] = []

  /// Reads the settings among a command's arguments, and the file that its options name.
  ///
  /// - Throws: UsageError for options that do not fit together, ConfigurationError for invalid values.
  init(_ options: CommandOptions) throws {
    if options.has("workload"), !options.has("config") {
      throw UsageError(description: "--workload needs --config FILE")
    }
    try self.init(options.settings, file: options.value("config").map { ($0, options.value("workload")) })
    let given = try CovariateOptions.covariates(options, timeZone: workload.timeZone)
    if !given.isEmpty { covariates = given }
  }

  /// The settings from flags only.
  init(_ arguments: [String] = [], file: (path: String, workload: String?)? = nil) throws {
    self.arguments = arguments
    self.file = file
    workload = try Self.read(arguments, file, model: nil)
    covariates = workload.covariates.compactMap { covariate in
      // The past of a source is not read by commands.
      guard case .schedule(_, let schedule) = covariate.values else { return nil }
      return Covariate(name: covariate.name, values: .planned(schedule))
    }
  }

  /// Whether a flag was given.
  func has(_ flag: String) -> Bool {
    arguments.contains { $0.drop { $0 == "-" }.prefix { $0 != "=" } == flag && $0.hasPrefix("-") }
  }

  /// Reports the workload's other metrics, which are not used as the load.
  func sayWhatIsLeftOut(_ command: String) {
    guard !workload.otherMetrics.isEmpty else { return }
    let names = workload.otherMetrics.map(\.metric).joined(separator: ", ")
    Program.say("kedastral \(command): the load is used as \(workload.metric); \(workload.name) also has \(names)")
  }

  /// The model with the given name, or the workload's model, with the given settings.
  func model(_ name: String?) throws -> any Model {
    let settings = try Self.read(arguments, file, model: name)
    return try ModelCatalog.make(
      settings.model, timeZone: settings.timeZone, calendar: settings.calendar, covariates: covariates,
      client: try HTTPClient(on: try EventLoop()), logger: .silent)
  }

  private static func read(
    _ arguments: [String], _ file: (path: String, workload: String?)?, model: String?
  ) throws -> WorkloadConfiguration {
    // A file can refer to environment variables; without a file only flags are used.
    let loader = ConfigurationLoader(
      knownModels: ModelCatalog.names, environment: file == nil ? [:] : ProcessInfo.processInfo.environment)
    // A forecaster configuration requires a workload with a source; this source is never queried.
    let needed =
      file.map { ["-config=\($0.path)"] } ?? [
        "-workload=command", "-metric=load", "-adapter-url=http://127.0.0.1", "-adapter-query=load",
      ]
    let invocation = try loader.forecaster(arguments: needed + arguments + (model.map { ["-model=\($0)"] } ?? []))
    guard case .run(let configuration) = invocation else {
      throw UsageError(description: "--version is an option of kedastral itself")
    }
    return try workload(named: file?.workload, of: configuration.workloads)
  }

  private static func workload(
    named name: String?, of workloads: [WorkloadConfiguration]
  ) throws(UsageError) -> WorkloadConfiguration {
    let names = workloads.map(\.name.text)
    if name == nil, workloads.count == 1 { return workloads[0] }
    guard let name else {
      throw UsageError(
        description: "the workload is missing; write --workload NAME; the file has \(names.joined(separator: ", "))")
    }
    guard let workload = workloads.first(where: { $0.name.text == name }) else {
      throw UsageError(
        description: "the file has no workload '\(name)'; it has \(names.joined(separator: ", "))")
    }
    return workload
  }
}
