import KedastralCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The values of a workload's covariates, for all sessions of its model.
///
/// A covariate whose source fails is left out of forecasts, and asked again after a growing wait. Its failure never fails a forecast.
actor CovariateFeed {
  /// How long a source may take to answer.
  private static let deadline = Duration.seconds(10)
  /// The time in which a source can still correct its newest samples.
  private static let settleTime = Duration.seconds(300)

  /// What is known of a measured covariate.
  private struct Kept {
    var series: TimeSeries?
    /// The first instant that was requested.
    var from = Date.distantFuture
    var failures = 0
    var retryAt = Date.distantPast
    var problem: String?
  }

  nonisolated let covariates: [Covariate]
  private let workload: String
  private let clock: any WallClock
  private let logger: KedastralLogger
  private let backoff = Backoff(initial: .seconds(30), maximum: .seconds(600))
  private var kept: [Kept]

  init(_ covariates: [Covariate], workload: String, clock: any WallClock, logger: KedastralLogger) {
    self.covariates = covariates
    self.workload = workload
    self.clock = clock
    self.logger = logger
    kept = Array(repeating: Kept(), count: covariates.count)
  }

  /// The values on the grid of a history, read from their sources.
  func read(_ history: TimeSeries, steps: Int) async -> [CovariateReading] {
    await withTaskGroup(of: Void.self) { group in
      for (index, covariate) in covariates.enumerated() {
        guard case .measured(let source) = covariate.values else { continue }
        group.addTask { await self.refresh(index, source, history) }
      }
    }
    return zip(covariates, kept).map { covariate, kept in
      Self.known(covariate, history, steps)
        ?? CovariateReading(covariate.name, kept.series, on: history, failure: kept.problem)
    }
  }

  /// The values that are known without asking a source.
  nonisolated func known(_ history: TimeSeries, steps: Int) -> [CovariateReading] {
    covariates.map {
      Self.known($0, history, steps)
        ?? CovariateReading($0.name, nil, on: history, failure: "its source is not asked here")
    }
  }

  private static func known(_ covariate: Covariate, _ history: TimeSeries, _ steps: Int) -> CovariateReading? {
    switch covariate.values {
    case .measured: nil
    case .recorded(let series): CovariateReading(covariate.name, series, on: history)
    case .planned(let schedule): CovariateReading(covariate.name, schedule, on: history, steps: steps)
    }
  }

  /// Reads what is new since the last time, or everything if the history begins earlier than what is known.
  private func refresh(_ index: Int, _ source: any MetricSource, _ history: TimeSeries) async {
    let now = clock.now
    let step = history.step
    var state = kept[index]
    // A clock that was set back must not stop the requests.
    guard now >= state.retryAt || state.retryAt > now + backoff.maximum * 2 else { return }
    if state.series?.step != step { state = Kept() }
    let end = history.end + step / 2
    var start = history.start
    if let series = state.series, state.from <= start, series.nextInstant > start {
      start = max(start, series.end - max(Self.settleTime, step * 3))
    }
    guard start < end else { return }
    do {
      let reading = try await withDeadline(Self.deadline, clock: clock) { [start] in
        try await source.checkedRead(in: start..<end, step: step)
      }
      guard start > history.start || reading.series.lastPresentIndex != nil else { throw NoSamples() }
      if state.failures > 0 {
        logger.info("covariate is read again", ["workload": workload, "covariate": covariates[index].name])
      }
      kept[index] = Self.merged(state, reading.series, from: start, for: history)
    } catch {
      guard !Task.isCancelled else { return }
      state.failures += 1
      state.retryAt = clock.now + backoff.delay(afterFailures: state.failures)
      state.problem = "\(error)"
      kept[index] = state
      logger.log(
        state.failures == 1 ? .warn : .debug, "covariate not read; forecasts are made without it",
        ["workload": workload, "covariate": covariates[index].name, "error": "\(error)"])
    }
  }

  private static func merged(_ old: Kept, _ new: TimeSeries, from start: Date, for history: TimeSeries) -> Kept {
    var state = Kept()
    var series = start == history.start ? nil : old.series
    if series == nil { series = new } else { series?.merge(new) }
    // Fits look at the whole history, so that is kept, and some more for histories that end later.
    series?.keepLast(history.count + history.count / 16 + 60)
    state.series = series
    state.from = min(start, old.from)
    if let first = series?.start { state.from = max(state.from, min(first, history.start)) }
    return state
  }

  private struct NoSamples: Error, CustomStringConvertible {
    let description = "it has no samples"
  }
}
