import KedastralCore
import Testing

@testable import KedastralDaemon

/// The names that the tests' host knows.
let models = ["arima", "auto", "baseline", "byom", "ets", "sarima", "theta"]

/// A loader whose configuration file has the given text.
func loader(_ file: String? = nil, environment: [String: String] = [:]) -> ConfigurationLoader {
  ConfigurationLoader(knownModels: models, environment: environment) { path in
    guard let file else { throw TextFile.ReadError(description: "No such file or directory") }
    return file
  }
}

/// The configuration of an invocation that runs.
func running<Configuration>(_ invocation: Invocation<Configuration>) throws -> Configuration {
  guard case .run(let configuration) = invocation else { throw NotRunning() }
  return configuration
}

struct NotRunning: Error {}

/// A forecaster's configuration from a file named `k.yaml`.
func forecaster(
  file: String, _ arguments: [String] = [], environment: [String: String] = [:]
) throws -> ForecasterConfiguration {
  try running(loader(file, environment: environment).forecaster(arguments: ["-config=k.yaml"] + arguments))
}

/// A forecaster's configuration from flags and environment alone, with what a workload needs.
func forecaster(
  _ arguments: [String] = [], environment: [String: String] = [:]
) throws -> ForecasterConfiguration {
  let needed = ["-workload=api", "-metric=rps", "-adapter-query=up"]
  return try running(loader(environment: environment).forecaster(arguments: needed + arguments))
}

/// What is wrong, one line a problem; empty when nothing is.
func problems(_ load: () throws -> Void) -> [String] {
  do {
    try load()
    return []
  } catch let error as ConfigurationError {
    return error.problems.map(\.description)
  } catch {
    return ["another error: \(error)"]
  }
}
