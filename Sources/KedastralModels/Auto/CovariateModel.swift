import KedastralCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// `auto` with covariates: its sessions read them before each forecast.
struct CovariateModel: LearningModel {
  let model: AutoModel
  let feed: CovariateFeed

  var name: String { model.name }

  /// Uses the covariates that are recorded or planned: only a session can wait for a source.
  func forecast(_ history: TimeSeries, steps: Int, quantiles: [Double]) throws -> Forecast {
    try model.forecast(history, steps: steps, quantiles: quantiles, covariates: feed.known(history, steps: steps))
  }

  func makeSession() -> any ModelSession { CovariateSession(own: AutoSession(model: model), feed: feed) }

  func firstForecast(_ history: TimeSeries, steps: Int, quantiles: [Double]) throws -> Forecast {
    try model.firstForecast(history, steps: steps, quantiles: quantiles)
  }
}

extension AutoModel {
  /// This model with covariates, which it uses where they make the cross-validated error smaller.
  ///
  /// - Parameters:
  ///   - workload: the workload's name, for log lines.
  ///   - clock: the source of time.
  ///   - logger: receives the failures of the covariates' sources.
  package func using(
    _ covariates: [Covariate], of workload: String, clock: any WallClock = SystemWallClock(),
    logger: KedastralLogger = .silent
  ) -> any Model {
    guard !covariates.isEmpty else { return self }
    var model = self
    var fingerprint = Fingerprint()
    for covariate in covariates { fingerprint.add(covariate.identity) }
    model.covariateBits = fingerprint.bits
    return CovariateModel(
      model: model, feed: CovariateFeed(covariates, workload: workload, clock: clock, logger: logger))
  }
}

/// The session of `auto` with covariates.
private struct CovariateSession: FittedSession {
  var own: AutoSession
  let feed: CovariateFeed

  mutating func forecast(_ history: TimeSeries, steps: Int, quantiles: [Double]) async throws -> Forecast {
    try await forecast(history, HistoryChange(), steps: steps, quantiles: quantiles)
  }

  mutating func forecast(
    _ history: TimeSeries, _ change: HistoryChange, steps: Int, quantiles: [Double]
  ) async throws -> Forecast {
    let readings = await feed.read(history, steps: steps)
    return try own.forecast(history, change, steps: steps, quantiles: quantiles, covariates: readings)
  }

  var state: Data? { own.state }
  mutating func restore(_ state: Data) { own.restore(state) }

  var fittedAt: Date? { own.fittedAt }
  var isFitDue: Bool { own.isFitDue }
  var fit: [UInt8]? { own.fit }
  mutating func restore(fit: [UInt8]) -> Bool { own.restore(fit: fit) }

  var isFittedApart: Bool {
    get { own.isFittedApart }
    set { own.isFittedApart = newValue }
  }
}
