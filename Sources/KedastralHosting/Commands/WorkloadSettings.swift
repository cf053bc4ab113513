import KedastralConfiguration
import KedastralCore
import KedastralNet
import KedastralSources

/// Model and policy settings on a command's line: the daemons' own flags, read by the daemons' own reader.
struct WorkloadSettings {
  /// The flags that mean something to a command.
  static let flags = [
    "target-per-pod", "headroom", "quantile-level", "shortage-cost", "min", "max", "up-max-factor", "down-max-percent",
    "prewarm-steps",
    "rounding", "reactive-floor", "window", "step", "time-zone", "byom-url", "arima-p", "arima-d", "arima-q",
    "sarima-p", "sarima-d", "sarima-q", "sarima-sp", "sarima-sd", "sarima-sq", "sarima-s",
  ]

  private let arguments: [String]
  /// The settings with the default model.
  let workload: WorkloadConfiguration

  /// Reads flags that nobody else knew.
  ///
  /// - Parameter others: the command's own options, for hints.
  /// - Throws: UsageError for flags that mean nothing here, ConfigurationError for values that make no sense.
  init(_ arguments: [String], others: some Sequence<String>) throws {
    for argument in arguments where argument.hasPrefix("-") && Double(argument) == nil {
      let name = String(argument.drop { $0 == "-" }.prefix { $0 != "=" })
      if Self.flags.contains(name) { continue }
      let near = Suggestion.nearest(to: name, among: Self.flags + Array(others)).map { "; did you mean --\($0)?" }
      throw UsageError(description: "unknown option --\(name)\(near ?? "")")
    }
    self.arguments = arguments
    workload = try Self.read(arguments, model: nil)
  }

  /// Whether a flag was given.
  func has(_ flag: String) -> Bool {
    arguments.contains { $0.drop { $0 == "-" }.prefix { $0 != "=" } == flag && $0.hasPrefix("-") }
  }

  /// The model of a name, with the settings given.
  func model(_ name: String) throws -> any Model {
    let settings = try Self.read(arguments, model: name)
    return try ModelCatalog.make(
      settings.model, timeZone: settings.timeZone, client: try HTTPClient(on: try EventLoop()), logger: .silent)
  }

  private static func read(_ arguments: [String], model: String?) throws -> WorkloadConfiguration {
    let loader = ConfigurationLoader(knownModels: ModelCatalog.names, environment: [:])
    // A forecaster needs a workload with a source; nobody asks this one.
    let needed = [
      "-workload=command", "-metric=load", "-adapter-url=http://127.0.0.1", "-adapter-query=load",
    ]
    let invocation = try loader.forecaster(arguments: needed + arguments + (model.map { ["-model=\($0)"] } ?? []))
    guard case .run(let configuration) = invocation, let workload = configuration.workloads.first else {
      throw UsageError(description: "--version is an option of kedastral itself")
    }
    return workload
  }
}
