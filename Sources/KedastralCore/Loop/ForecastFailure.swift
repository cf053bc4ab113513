/// The stages of a forecast round, in their order.
public enum ForecastStage: String, Sendable, CaseIterable {
  /// Fetching new samples.
  case collect
  /// Forecasting.
  case forecast
  /// Turning the forecast into replicas.
  case plan
  /// Storing the snapshot.
  case store
}

/// A forecast round that came to nothing: which workload, which stage, and why.
public struct ForecastFailure: Error, CustomStringConvertible {
  /// The workload.
  public let workload: WorkloadName
  /// The stage that failed.
  public let stage: ForecastStage
  /// What was asked, of whom, and what came back.
  public let problem: String

  /// Describes a failure.
  public init(workload: WorkloadName, stage: ForecastStage, problem: String) {
    self.workload = workload
    self.stage = stage
    self.problem = problem
  }

  public var description: String { "\(workload): \(stage.rawValue): \(problem)" }
}
