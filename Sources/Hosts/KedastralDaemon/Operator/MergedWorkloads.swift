import Kedastral
import KedastralCore

/// The workloads that a process forecasts: those of its configuration file, those of policies, and those that are discovered. Of two
/// with the same name the first in this order counts.
actor MergedWorkloads {
  private let configured: ConfiguredForecaster
  private let parts: ForecasterParts
  private var file: [WorkloadConfiguration]
  private var policies: [WorkloadConfiguration] = []
  private var discovered: [WorkloadConfiguration] = []
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
    try await inTurn { [self] in try await apply(file: new) }
  }

  /// Forecasts other workloads of policies.
  ///
  /// - Throws: when a workload's parts cannot be made; nothing has changed then.
  func replacePolicies(_ new: [WorkloadConfiguration]) async throws -> ConfigurationChange {
    try await inTurn { [self] in try await apply(policies: new) }
  }

  /// Forecasts other discovered workloads.
  ///
  /// - Throws: when a workload's parts cannot be made; nothing has changed then.
  func replaceDiscovered(_ new: [WorkloadConfiguration]) async throws -> ConfigurationChange {
    try await inTurn { [self] in try await apply(discovered: new) }
  }

  private func apply(
    file newFile: [WorkloadConfiguration]? = nil, policies newPolicies: [WorkloadConfiguration]? = nil,
    discovered newDiscovered: [WorkloadConfiguration]? = nil
  ) async throws -> ConfigurationChange {
    let (file, policies) = (newFile ?? self.file, newPolicies ?? self.policies)
    let discovered = newDiscovered ?? self.discovered
    var names: Set<WorkloadName> = []
    let change = try await configured.replace(
      workloads: (file + policies + discovered).filter { names.insert($0.name).inserted }, in: parts)
    (self.file, self.policies, self.discovered) = (file, policies, discovered)
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
