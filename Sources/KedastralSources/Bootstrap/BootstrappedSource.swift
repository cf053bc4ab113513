import KedastralCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A source without a past, and the file that has the past of its first start.
///
/// The file is read when the whole window is requested, which happens when no history is stored. Samples of the source take
/// precedence; instants are those of the file.
package struct BootstrappedSource: IdentifiedSource {
  /// Where the file is.
  package enum Location: Sendable, Equatable, CustomStringConvertible {
    /// A path.
    case file(String)
    /// A URL.
    case url(HTTPEndpoint)

    /// The location without secrets.
    package var description: String {
      switch self {
      case .file(let path): path
      case .url(let endpoint): endpoint.displayName
      }
    }
  }

  private let base: any IdentifiedSource
  private let location: Location
  private let window: Duration
  private let client: HTTPClient
  private let clock: any WallClock

  /// Adds a past to a source.
  ///
  /// - Parameter window: the history that is requested at first.
  package init(
    _ base: any IdentifiedSource, from location: Location, window: Duration, client: HTTPClient, clock: any WallClock
  ) {
    self.base = base
    self.location = location
    self.window = window
    self.client = client
    self.clock = clock
  }

  package var loadIdentity: String { base.loadIdentity }

  package var hasPast: Bool { base.hasPast }

  package func samples(in range: Range<Date>, step: Duration) async throws -> TimeSeries {
    try await read(in: range, step: step).series
  }

  package func read(in range: Range<Date>, step: Duration) async throws -> MetricReading {
    let reading = try await base.read(in: range, step: step)
    // With a history of one sample, less than the window is requested.
    guard reading.series.count >= window.steps(of: step) else { return reading }
    var series = try await past(in: range, step: step)
    series.merge(reading.series)
    return MetricReading(series, partialFrom: reading.partialFrom)
  }

  /// The file's samples in a range.
  ///
  /// - Throws: `SourceError` when the file cannot be read, and when it has no sample in the range.
  package func past(in range: Range<Date>, step: Duration) async throws -> TimeSeries {
    let file = try await load(step: step)
    let series = try await CSVSource(file.series, clock: clock).samples(in: range, step: step)
    guard series.lastPresentIndex != nil else {
      let span = "\(Timestamp.format(file.series.start)) to \(Timestamp.format(file.series.end))"
      throw error("no sample in the last \(DurationText.format(window)); the file has \(span)")
    }
    return series
  }

  private func load(step: Duration) async throws -> TraceFile {
    do {
      switch location {
      case .file(let path): return try TraceFile(path: path, step: step)
      case .url(let endpoint):
        let response = try await client.answer(to: HTTPRequest(endpoint), asked: Self.asked)
        return try TraceFile(bytes: Array(response.body), name: endpoint.displayName, step: step)
      }
    } catch let failure as TraceFile.ReadError {
      throw error(failure.line.map { "line \($0): \(failure.problem)" } ?? failure.problem)
    }
  }

  private static let asked = "bootstrap"

  private func error(_ problem: String) -> SourceError {
    SourceError(asked: Self.asked, of: "\(location)", problem: problem)
  }
}
