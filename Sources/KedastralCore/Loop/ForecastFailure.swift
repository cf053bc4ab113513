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

/// A failed forecast round: which workload, which stage, and why.
public struct ForecastFailure: Error, CustomStringConvertible {
  /// The workload.
  public let workload: WorkloadName
  /// The stage that failed.
  public let stage: ForecastStage
  /// The request and the response, in one line.
  public let problem: String
  /// The server that does not answer, when the failure is not about this workload alone.
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
