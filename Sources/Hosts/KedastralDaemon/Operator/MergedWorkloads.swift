import Kedastral
import KedastralCore

/// The workloads that a process forecasts: those of its configuration file, and those of policies. The file's come first: a policy
/// cannot take the name of one of them.
actor MergedWorkloads {
  private let configured: ConfiguredForecaster
  private let parts: ForecasterParts
  private var file: [WorkloadConfiguration]
  private var policies: [WorkloadConfiguration] = []
  /// The end of the latest change: changes happen one after the other.
  private var latest: Task<Void, Never>?

  init(_ configured: ConfiguredForecaster, _ parts: ForecasterParts, file: [WorkloadConfiguration]) {
    self.configured = configured
    self.parts = parts
    self.file = file
  }

  /// The names of the file's workloads.
  var fileNames: Set<WorkloadName> { Set(file.map(\.name)) }

  /// Forecasts other workloads of the file.
  ///
  /// - Throws: when a workload's parts cannot be made; nothing has changed then.
  func replaceFile(_ new: [WorkloadConfiguration]) async throws -> ConfigurationChange {
    try await inTurn { [self] in try await apply(file: new, policies: nil) }
  }

  /// Forecasts other workloads of policies.
  ///
  /// - Throws: when a workload's parts cannot be made; nothing has changed then.
  func replacePolicies(_ new: [WorkloadConfiguration]) async throws -> ConfigurationChange {
    try await inTurn { [self] in try await apply(file: nil, policies: new) }
  }

  private func apply(
    file newFile: [WorkloadConfiguration]?, policies newPolicies: [WorkloadConfiguration]?
  ) async throws -> ConfigurationChange {
    let (file, policies) = (newFile ?? self.file, newPolicies ?? self.policies)
    let names = Set(file.map(\.name))
    let change = try await configured.replace(
      workloads: file + policies.filter { !names.contains($0.name) }, in: parts)
    (self.file, self.policies) = (file, policies)
    return change
  }

  private func inTurn(
    _ change: @escaping @Sendable () async throws -> ConfigurationChange
  ) async throws -> ConfigurationChange {
    let previous = latest
    let task = Task {
      await previous?.value
      return try await change()
    }
    latest = Task { _ = try? await task.value }
    return try await task.value
  }
}
