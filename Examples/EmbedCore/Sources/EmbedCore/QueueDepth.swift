import FoundationEssentials
import KedastralCore

/// A metric source of one's own: a queue that fills every ten minutes.
struct QueueDepth: MetricSource {
  func samples(in range: Range<Date>, step: Duration) async throws -> TimeSeries {
    var series = TimeSeries.missing(in: range, step: step)
    for index in series.values.indices {
      let minute = Int(series.instant(at: index).timeIntervalSince1970 / 60)
      series.values[index] = minute % 10 < 3 ? 400 : 40
    }
    return series
  }
}
