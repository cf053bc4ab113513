/// The stages of a forecast round, in their order.
public enum ForecastStage: String, Sendable, CaseIterable {
  /// Fetching new samples.
  case collect
  /// Forecasting.
  case forecast
  /// Computing replicas from the forecast.
  case plan
  /// Storing the snapshot.
  case store
}

/// A failed forecast round: the workload, the stage and the reason.
public struct ForecastFailure: Error, CustomStringConvertible {
  /// The workload.
  public let workload: WorkloadName
  /// The stage that failed.
  public let stage: ForecastStage
  /// The request and the response, in one line.
  public let problem: String
  /// The server that does not respond, if the failure affects more than this workload.
  public var outage: String?

  /// Describes a failure.
  public init(workload: WorkloadName, stage: ForecastStage, problem: String, outage: String? = nil) {
    self.workload = workload
    self.stage = stage
    self.problem = problem
    self.outage = outage
  }

  public var description: String { "\(workload): \(stage.rawValue): \(problem)" }
}
