import FoundationEssentials
import KedastralCore
import KedastralDaemon
import KedastralNet
import KedastralSources

/// A workload's model and policy settings for a command: the daemons' own flags and file, read by the daemons' own reader.
struct WorkloadSettings {
  /// The options of a command that can take a workload out of a file.
  static let fileOptions: [String: CommandOptions.Arity] = ["config": .one, "workload": .one]

  static let fileHelp = """
      --config FILE         the settings of a workload in a daemon's file, schedules and all; flags go before it
      --workload NAME       … of this one; not needed when the file has only one
    """

  /// The flags that mean something to a command.
  static let flags = [
    "target-per-pod", "headroom", "quantile-level", "shortage-cost", "min", "max", "up-max-factor", "down-max-percent",
    "prewarm-steps",
    "rounding", "reactive-floor", "accuracy-gate", "window", "step", "time-zone", "byom-url", "arima-p", "arima-d",
    "arima-q",
    "sarima-p", "sarima-d", "sarima-q", "sarima-sp", "sarima-sd", "sarima-sq", "sarima-s",
  ]

  /// Whether they come from a daemon's file: then they count as they are, defaults included.
  var areFromFile: Bool { file != nil }

  private let arguments: [String]
  private let file: (path: String, workload: String?)?
  /// The settings with their own model.
  let workload: WorkloadConfiguration

  /// Reads flags that nobody else knew.
  ///
  /// - Parameters:
  ///   - options: the command's own options; those among them that say which file and workload to read.
  ///   - others: the names of the command's own options, for hints.
  /// - Throws: UsageError for flags that mean nothing here, ConfigurationError for values that make no sense.
  init(_ options: CommandOptions, others: some Sequence<String>) throws {
    if options.has("workload"), !options.has("config") {
      throw UsageError(description: "--workload belongs to --config FILE")
    }
    try self.init(
      options.rest, others: others, file: options.value("config").map { ($0, options.value("workload")) })
  }

  /// The settings that flags alone give.
  init(_ arguments: [String] = [], others: some Sequence<String> = [], file: (path: String, workload: String?)? = nil)
    throws
  {
    for argument in arguments where argument.hasPrefix("-") && Double(argument) == nil {
      let name = String(argument.drop { $0 == "-" }.prefix { $0 != "=" })
      if Self.flags.contains(name) { continue }
      let near = Suggestion.nearest(to: name, among: Self.flags + Array(others)).map { "; did you mean --\($0)?" }
      throw UsageError(description: "unknown option --\(name)\(near ?? "")")
    }
    self.arguments = arguments
    self.file = file
    workload = try Self.read(arguments, file, model: nil)
  }

  /// Whether a flag was given.
  func has(_ flag: String) -> Bool {
    arguments.contains { $0.drop { $0 == "-" }.prefix { $0 != "=" } == flag && $0.hasPrefix("-") }
  }

  /// Tells of a workload's metrics beside the one that is given as the load.
  func sayWhatIsLeftOut(_ command: String) {
    guard !workload.otherMetrics.isEmpty else { return }
    let names = workload.otherMetrics.map(\.metric).joined(separator: ", ")
    Program.say("kedastral \(command): the load is taken for \(workload.metric); \(workload.name) has \(names) as well")
  }

  /// The model of a name, or the workload's own, with the settings given.
  func model(_ name: String?) throws -> any Model {
    let settings = try Self.read(arguments, file, model: name)
    return try ModelCatalog.make(
      settings.model, timeZone: settings.timeZone, client: try HTTPClient(on: try EventLoop()), logger: .silent)
  }

  private static func read(
    _ arguments: [String], _ file: (path: String, workload: String?)?, model: String?
  ) throws -> WorkloadConfiguration {
    // A file may name variables; without one nothing but flags counts.
    let loader = ConfigurationLoader(
      knownModels: ModelCatalog.names, environment: file == nil ? [:] : ProcessInfo.processInfo.environment)
    // A forecaster needs a workload with a source; nobody asks this one.
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
        description: "which workload? write --workload NAME; the file has \(names.joined(separator: ", "))")
    }
    guard let workload = workloads.first(where: { $0.name.text == name }) else {
      throw UsageError(
        description: "the file has no workload '\(name)'; it has \(names.joined(separator: ", "))")
    }
    return workload
  }
}
