import KedastralCore

/// A model of one's own: what the load was one period ago.
struct SamePhase: Model {
  let name = "same-phase"
  /// The period in steps.
  let period: Int

  func forecast(_ history: TimeSeries, steps: Int, quantiles: [Double]) throws -> Forecast {
    guard history.count >= period else {
      throw ModelError.notEnoughHistory(needed: period, present: history.count)
    }
    let known = history.repairingGaps(season: period).series.values
    let values = (0..<steps).map { known[known.count - period + $0 % period] }
    return Forecast(start: history.end, step: history.step, values: values, model: name)
  }
}
