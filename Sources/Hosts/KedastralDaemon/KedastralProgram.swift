@_exported import KedastralCore

/// One of the daemons, with models, sources and policies of your own.
///
///     exit(await KedastralProgram(.allInOne, models: ["last-hour": LastHour()]).run())
///
/// Settings, HTTP API, metrics, exit codes and signals are those of `kedastral run`, `kedastral-forecaster` and
/// `kedastral-scaler`; see docs/settings.md.
public struct KedastralProgram: Sendable {
  /// Which daemon.
  public enum Role: Sendable {
    /// Forecaster and scaler in one process: `kedastral run`.
    case allInOne
    /// `kedastral-forecaster`.
    case forecaster
    /// `kedastral-scaler`, which has neither models nor sources.
    case scaler
  }

  private let role: Role
  private let parts: RegisteredParts

  /// Describes a daemon.
  ///
  /// - Parameters:
  ///   - role: which daemon.
  ///   - models: models by the name that the setting `model` gives; one with a built-in model's name replaces it.
  ///   - sources: sources by the name of the workload that they belong to, whose configuration then needs no source.
  ///   - policies: policies by the name of the workload that they belong to, in place of the configured one.
  public init(
    _ role: Role, models: [String: any Model] = [:], sources: [String: any MetricSource] = [:],
    policies: [String: any CapacityPolicy] = [:]
  ) {
    self.role = role
    parts = RegisteredParts(models: models, sources: sources, policies: policies)
  }

  /// Runs until a signal ends it.
  ///
  /// - Parameter arguments: the command line without the program's name.
  /// - Returns: the exit code: 0 for success, 1 when it could not start or a part failed, 2 for invalid settings.
  public func run(_ arguments: [String] = Array(CommandLine.arguments.dropFirst())) async -> Int32 {
    switch role {
    case .allInOne: await AllInOneHost.main(arguments, parts)
    case .forecaster: await ForecasterHost.main(arguments, parts)
    case .scaler: await ScalerHost.main(arguments)
    }
  }
}
