// The daemon `kedastral run` with one model more: `model: last-hour` in its configuration names it.
// snippet.show
import Foundation
import KedastralDaemon

struct LastHour: Model {
  let name = "last-hour"

  func forecast(_ history: TimeSeries, steps: Int, quantiles: [Double]) throws -> Forecast {
    let hour = history.steps(in: .seconds(3600))
    guard history.count >= hour else { throw ModelError.notEnoughHistory(needed: hour, present: history.count) }
    let known = history.repairingGaps(season: hour).series.suffix(hour).values
    return Forecast(start: history.end, step: history.step, values: (0..<steps).map { known[$0 % hour] }, model: name)
  }
}

exit(await KedastralProgram(.allInOne, models: ["last-hour": LastHour()]).run())
