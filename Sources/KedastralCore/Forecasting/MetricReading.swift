#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The response of a source: samples, and the instant from which they are incomplete.
public struct MetricReading: Sendable, Equatable {
  /// The samples.
  public var series: TimeSeries
  /// The first instant whose sample may lack a part of the load, because a part of the source did not respond; nil when the
  /// response is complete.
  public var partialFrom: Date?

  /// Creates a reading.
  public init(_ series: TimeSeries, partialFrom: Date? = nil) {
    self.series = series
    self.partialFrom = partialFrom
  }
}
