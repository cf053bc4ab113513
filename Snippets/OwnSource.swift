// A custom metric source: samples of a queue's depth, as many as the range has, NaN where the depth is unknown.
// snippet.show
import Foundation
import KedastralCore

struct QueueDepth: MetricSource {
  let queue: String

  func samples(in range: Range<Date>, step: Duration) async throws -> TimeSeries {
    var series = TimeSeries.missing(in: range, step: step)
    for index in series.values.indices {
      series.values[index] = try await depth(of: queue, at: series.instant(at: index)) ?? .nan
    }
    return series
  }
}
// snippet.hide

/// Where your numbers come from; here a queue that fills for ten minutes of each hour.
func depth(of queue: String, at instant: Date) async throws -> Double? {
  instant.timeIntervalSince1970.truncatingRemainder(dividingBy: 3600) < 600 ? 400 : 40
}

let hour = Date(timeIntervalSince1970: 0)..<Date(timeIntervalSince1970: 3600)
print(try await QueueDepth(queue: "mail").samples(in: hour, step: .seconds(600)).values)
