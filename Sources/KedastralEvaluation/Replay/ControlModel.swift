import KedastralCore
import KedastralModels

/// A forecast that needs no model, as a control in a replay: what the same policy achieves with it is not due to the forecast.
///
/// The quantiles are the forecast plus the quantiles of the same rule's errors over the last day, for each step ahead.
package struct ControlModel: Model {
  package let name: String
  /// The number of newest steps whose mean slope continues; 0 for none.
  private let slopeSteps: Int

  /// The last value.
  package static let persistence = ControlModel(name: "persistence", slopeSteps: 0)
  /// The line through the newest sample and the one five steps before it.
  package static let extrapolation = ControlModel(name: "extrapolation", slopeSteps: 5)

  package func forecast(_ history: TimeSeries, steps: Int, quantiles: [Double]) throws -> Forecast {
    guard let last = history.lastPresentIndex else { throw ModelError.notEnoughHistory(needed: 1, present: 0) }
    let values = Array(history.values[...last].suffix(Int(86_400 / history.step.inSeconds) + steps + slopeSteps))
    // The forecast starts at the end of the history, which can be after the last sample.
    let late = history.count - 1 - last
    let path = (1...max(1, steps)).prefix(steps).map {
      max(0, forecast(values, at: values.count - 1, ahead: $0 + late))
    }
    var levels = quantiles.map { Quantiles.Path(level: $0, values: path) }
    for (step, value) in path.enumerated() where !quantiles.isEmpty {
      let errors = self.errors(values, ahead: step + 1 + late).sorted()
      guard !errors.isEmpty else { continue }
      for (index, level) in quantiles.enumerated() {
        levels[index].values[step] = max(0, value + OrderStatistics.quantile(level, ofSorted: errors))
      }
    }
    return Forecast(
      start: history.end, step: history.step, values: path, quantiles: Quantiles(levels), model: name)
  }

  private func forecast(_ values: [Double], at origin: Int, ahead: Int) -> Double {
    guard slopeSteps > 0, origin >= slopeSteps, values[origin - slopeSteps].isFinite else { return values[origin] }
    return values[origin] + (values[origin] - values[origin - slopeSteps]) / Double(slopeSteps) * Double(ahead)
  }

  private func errors(_ values: [Double], ahead: Int) -> [Double] {
    guard values.count > ahead else { return [] }
    return (0..<values.count - ahead).compactMap { origin in
      let error = values[origin + ahead] - max(0, forecast(values, at: origin, ahead: ahead))
      return error.isFinite ? error : nil
    }
  }
}
