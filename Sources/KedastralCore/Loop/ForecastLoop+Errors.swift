/// Error messages of a forecast round.
extension ForecastLoop {
  struct MetricFailure: Error, CustomStringConvertible {
    let metric: String
    let cause: any Error
    var description: String { "metric '\(metric)': \(cause)" }
  }

  struct NoSamples: Error, CustomStringConvertible {
    let window: Duration
    var description: String { "the source has no sample in the last \(DurationText.format(window))" }
  }

  struct InvalidForecast: Error, CustomStringConvertible {
    let description: String
  }
}
