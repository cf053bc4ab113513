#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The source of a workload's load: Prometheus, an HTTP endpoint, a file, or your own code.
///
///     struct QueueDepth: MetricSource {
///       func samples(in range: Range<Date>, step: Duration) async throws -> TimeSeries {
///         try await TimeSeries.sampled(in: range, step: step) { try await depth(at: $0) }
///       }
///     }
public protocol MetricSource: Sendable {
  /// The load at every instant of `range` that is a whole multiple of `step` since the Unix epoch.
  ///
  /// - Returns: a series with exactly those instants; NaN where the source has nothing (yet).
  /// - Throws: an error whose description contains the request, the server and the response. The same range is requested again
  ///   after a back-off.
  func samples(in range: Range<Date>, step: Duration) async throws -> TimeSeries

  /// The same for a source that can report an incomplete response. By default every response is complete.
  ///
  /// The newest samples are requested again for some minutes, because a source may correct them.
  func read(in range: Range<Date>, step: Duration) async throws -> MetricReading
}

extension MetricSource {
  public func read(in range: Range<Date>, step: Duration) async throws -> MetricReading {
    MetricReading(try await samples(in: range, step: step))
  }

  /// Reads samples, and checks that they have the requested step.
  package func checkedRead(in range: Range<Date>, step: Duration) async throws -> MetricReading {
    let reading = try await read(in: range, step: step)
    guard reading.series.step == step else { throw SourceMismatch(asked: step, got: reading.series.step) }
    return reading
  }
}

/// A source has returned samples with another step than the requested one.
private struct SourceMismatch: Error, CustomStringConvertible {
  let asked: Duration
  let got: Duration
  var description: String {
    "expected samples with a step of \(DurationText.format(asked)) from the source, got \(DurationText.format(got))"
  }
}

extension TimeSeries {
  /// A series of missing samples at every whole multiple of `step` (since the Unix epoch) inside `range`.
  public static func missing(in range: Range<Date>, step: Duration) -> TimeSeries {
    let first = range.lowerBound.ceiled(to: step)
    let count = Int((range.upperBound.timeIntervalSince(first) / step.inSeconds).rounded(.up))
    return TimeSeries(start: first, step: step, values: Array(repeating: .nan, count: max(0, count)))
  }

  /// A series of the load at every whole multiple of `step` (since the Unix epoch) inside `range`.
  ///
  /// - Parameter load: the load at an instant; NaN where there is none.
  public static func sampled(
    in range: Range<Date>, step: Duration, load: (Date) throws -> Double
  ) rethrows -> TimeSeries {
    var series = missing(in: range, step: step)
    for index in series.values.indices { series.values[index] = try load(series.instant(at: index)) }
    return series
  }

  /// The same for a load that is read asynchronously, one instant after the other.
  public static func sampled(
    in range: Range<Date>, step: Duration, load: (Date) async throws -> Double
  ) async rethrows -> TimeSeries {
    var series = missing(in: range, step: step)
    for index in series.values.indices { series.values[index] = try await load(series.instant(at: index)) }
    return series
  }
}
