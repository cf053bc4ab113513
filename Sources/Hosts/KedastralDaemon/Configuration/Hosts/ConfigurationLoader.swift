import KedastralCore

/// What a command line asks for.
package enum Invocation<Configuration: Sendable>: Sendable {
  /// To run with this configuration.
  case run(Configuration)
  /// To print this help text.
  case help(String)
  /// To print the version.
  case version
}

/// Reads the settings of a host: a flag overrides the environment, which overrides the file, which overrides the default.
///
///     let loader = ConfigurationLoader(knownModels: ["baseline", "auto"], environment: ProcessInfo.processInfo.environment)
///     switch try loader.forecaster(arguments: Array(CommandLine.arguments.dropFirst())) {
///     case .run(let configuration): try await run(configuration)
///     case .help(let text): print(text)
///     case .version: print(version)
///     }
package struct ConfigurationLoader: Sendable {
  /// The names that a workload's `model` may have.
  package var knownModels: [String]
  /// The workloads whose source the program registers.
  package var workloadsWithSource: Set<String>
  /// The environment's variables.
  package var environment: [String: String]
  /// Reads the text of a configuration file.
  private let readFile: @Sendable (String) throws -> String

  /// Creates a loader that reads files from disk.
  package init(knownModels: [String], workloadsWithSource: Set<String> = [], environment: [String: String]) {
    self.init(knownModels: knownModels, workloadsWithSource: workloadsWithSource, environment: environment) {
      path in try TextFile.read(path)
    }
  }

  /// Creates a loader that gets the text of a configuration file from `readFile`.
  package init(
    knownModels: [String], workloadsWithSource: Set<String> = [], environment: [String: String],
    readFile: @escaping @Sendable (String) throws -> String
  ) {
    self.knownModels = knownModels
    self.workloadsWithSource = workloadsWithSource
    self.environment = environment
    self.readFile = readFile
  }

  /// The settings of a forecaster, from its arguments without the program's name.
  ///
  /// - Throws: everything that is wrong, one line a problem.
  package func forecaster(arguments: [String]) throws(ConfigurationError) -> Invocation<ForecasterConfiguration> {
    try load(.forecaster, arguments) { $0.forecaster() }
  }

  /// The settings of a scaler, from its arguments without the program's name.
  ///
  /// - Throws: everything that is wrong, one line a problem.
  package func scaler(arguments: [String]) throws(ConfigurationError) -> Invocation<ScalerConfiguration> {
    try load(.scaler, arguments) { $0.scaler() }
  }

  /// The settings of forecaster and scaler in one process, from its arguments without the program's name.
  ///
  /// - Throws: everything that is wrong, one line a problem.
  package func allInOne(arguments: [String]) throws(ConfigurationError) -> Invocation<AllInOneConfiguration> {
    try load(.allInOne, arguments) { $0.allInOne() }
  }

  private func load<Configuration>(
    _ host: Host, _ arguments: [String], _ read: (HostReader) -> Configuration?
  ) throws(ConfigurationError) -> Invocation<Configuration> {
    let problems = ProblemList()
    let given = GivenSettings(host: host, arguments: arguments, environment: environment, problems: problems)
    switch given.request {
    case .help: return .help(HelpText.text(for: host, knownModels: knownModels))
    case .version: return .version
    case .run: break
    }
    var file: ConfigurationFile?
    var watched: WatchedFile?
    if let path = given.text(Settings.config) {
      if let text = readText(path, problems) {
        watched = WatchedFile(path: path.value, text: text)
        file = YAMLDecoder(file: path.value, environment: environment)
          .decode(ConfigurationFile.self, from: text, problems: problems)
      }
      // Without the file's values all would seem to be missing, which says nothing new.
      if file == nil { try problems.throwIfAny() }
    }
    let reader = HostReader(
      given: given, file: file ?? ConfigurationFile(), watched: watched, knownModels: knownModels,
      workloadsWithSource: workloadsWithSource, problems: problems)
    let configuration = read(reader)
    try problems.throwIfAny()
    guard let configuration else {
      throw ConfigurationError([
        ConfigurationProblem(.nowhere, "the settings of \(host.name) are incomplete; see --help")
      ])
    }
    return .run(configuration)
  }

  private func readText(_ path: Located<String>, _ problems: ProblemList) -> String? {
    do { return try readFile(path.value) } catch {
      problems.add(path.origin, "cannot read '\(path.value)': \(error)")
      return nil
    }
  }
}
