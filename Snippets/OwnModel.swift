// A model of one's own: what the load was a day ago.
// snippet.show
import Foundation
import KedastralCore

struct Yesterday: Model {
  let name = "yesterday"

  func forecast(_ history: TimeSeries, steps: Int, quantiles: [Double]) throws -> Forecast {
    let day = history.steps(in: .seconds(86_400))
    guard history.count >= day else { throw ModelError.notEnoughHistory(needed: day, present: history.count) }
    let known = history.repairingGaps(season: day).series.values
    let values = (0..<steps).map { max(0, known[known.count - day + $0 % day]) }
    return Forecast(start: history.end, step: history.step, values: values, model: name)
  }
}
// snippet.hide

let days = TimeSeries(
  start: Date(timeIntervalSince1970: 0), step: .seconds(3600), values: (0..<48).map { Double($0 % 24) })
print(try Yesterday().forecast(days, steps: 3, quantiles: []).values)
