import KedastralCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// One model's forecasts in a replay, made of the samples up to the present, for all entrants that name the model.
struct ReplayForecaster {
  /// The entrants, by index.
  private(set) var members: [Int]
  /// The model's counts of forecasts and failures.
  private(set) var tally = Replay.ForecastTally()

  private let samples: TimeSeries
  private let windowSteps: Int
  private let interval: Duration
  private var session: any ModelSession
  private var steps: Int
  private var levels: Set<Double>
  private var nextSample: Int
  private var lastForecast: Date?

  /// The samples up to now, as far back as models look.
  private(set) var history: TimeSeries

  private init(_ need: ForecastNeed, of replay: Replay) {
    members = []
    samples = replay.load.samples(step: replay.step)
    windowSteps = max(2, replay.window.steps(of: replay.step))
    interval = replay.interval
    session = need.model.makeSession()
    steps = 1
    levels = []
    history = TimeSeries(start: samples.start, step: samples.step, values: [])
    nextSample = 0
  }

  /// A forecaster for each named model.
  static func shared(by needs: [ForecastNeed?], of replay: Replay) -> [ReplayForecaster] {
    var forecasters: [(model: String, forecaster: ReplayForecaster)] = []
    for (member, need) in needs.enumerated() {
      guard let need else { continue }
      let known = forecasters.firstIndex { $0.model == need.model.name }
      let index = known ?? forecasters.count
      if known == nil { forecasters.append((need.model.name, ReplayForecaster(need, of: replay))) }
      forecasters[index].forecaster.members.append(member)
      forecasters[index].forecaster.steps = max(
        forecasters[index].forecaster.steps, Int((need.horizon.inSeconds / replay.step.inSeconds - 1e-9).rounded(.up)))
      forecasters[index].forecaster.levels.formUnion(need.quantileLevels)
    }
    return forecasters.map(\.forecaster)
  }

  /// Collects the samples up to `now`.
  ///
  /// - Returns: a forecast if there is a new sample and the interval has passed, and the model could make one.
  mutating func advance(to now: Date) async -> Forecast? {
    let available = samples.index(atOrBefore: now) + 1
    guard available > nextSample else { return nil }
    history.values.append(contentsOf: samples.values[nextSample..<available])
    nextSample = available
    history.keepLast(windowSteps)
    if let lastForecast, now.timeIntervalSince(lastForecast) < interval.inSeconds - 1e-6 { return nil }
    lastForecast = now
    do {
      let forecast = try await session.forecast(history, steps: steps, quantiles: levels.sorted())
      if let defect = forecast.defect { throw Replay.Problem(description: defect) }
      tally.made += 1
      return forecast
    } catch {
      tally.failed += 1
      tally.problem = "\(error)"
      return nil
    }
  }
}

extension TimeSeries {
  /// The index of the last sample at or before `instant`, within the series' bounds; −1 before its start.
  fileprivate func index(atOrBefore instant: Date) -> Int {
    let position = instant.timeIntervalSince(start) / step.inSeconds + 1e-6
    return Int(min(max(position.rounded(.down), -1), Double(count - 1)))
  }
}
