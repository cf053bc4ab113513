import KedastralCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// All series that a query returns over a range, on one grid.
///
///     let table = try await PrometheusTable.read(
///       "sum by (app) (rate(http_requests_total[5m]))", from: server, client: client, in: month, step: .seconds(60), limit: 500)
/// A first request at a few instants finds the series and how large they are; the samples follow in parts that hold so many
/// points for each series that a response stays small, whatever the number of series.
package struct PrometheusTable: Sendable {
  /// One series.
  package struct Series: Sendable {
    /// Its labels without its name, as the server orders them.
    package let labels: [(key: String, value: String)]
    /// Its samples; NaN where one is missing.
    package fileprivate(set) var load: TimeSeries
  }

  /// The number of samples in one response, about 10 MB of JSON.
  static let samplesPerResponse = 400_000
  /// The number of instants of the first request.
  static let probes = 120
  /// Points per series and response at least, however many series there are.
  private static let leastPoints = 60

  /// The series, those with the most load when there are more than the limit.
  package private(set) var series: [Series] = []
  /// The number of series beyond the limit.
  package private(set) var leftOut = 0

  private var indices: [String: Int] = [:]
  private let limit: Int

  init(limit: Int) { self.limit = limit }

  /// Reads a query.
  ///
  /// - Parameters:
  ///   - query: the PromQL query.
  ///   - endpoint: the server.
  ///   - client: sends the requests.
  ///   - range: the instants from its lower bound on, a step apart.
  ///   - limit: the number of series at most; those with the largest load are kept.
  ///   - progress: called after each response with the completed share.
  /// - Throws: ``SourceError``, or `CancellationError`.
  package static func read(
    _ query: String, from endpoint: HTTPEndpoint, client: HTTPClient, in range: Range<Date>, step: Duration,
    limit: Int, progress: (Double) -> Void = { _ in }
  ) async throws -> PrometheusTable {
    let request = PrometheusQuery(
      endpoint: endpoint, text: query, partialResponse: .use, client: client, logger: .silent)
    let grid = TimeSeries.missing(in: range, step: step)
    var table = PrometheusTable(limit: limit)
    guard grid.count > 0 else { return table }

    let stride = max(1, grid.count / probes)
    let coarse = TimeSeries(
      start: grid.start + step * ((grid.count - 1) % stride), step: step * stride,
      values: Array(repeating: .nan, count: (grid.count - 1) / stride + 1))
    try await table.find(in: coarse, request)
    let points = partLength(series: max(1, table.series.count + table.leftOut))
    // Each series gets a buffer of its own, which is then written in place.
    for index in table.series.indices { table.series[index].load = TimeSeries.missing(in: range, step: step) }
    var first = 0
    while first < grid.count {
      let part = first..<min(first + points, grid.count)
      try Task.checkCancellation()
      try await table.fill(part, of: grid, request)
      first = part.upperBound
      progress(Double(first) / Double(grid.count))
    }
    return table
  }

  /// The number of points of each series in one response.
  static func partLength(series: Int) -> Int {
    min(PrometheusQuery.pointsPerQuery, max(leastPoints, samplesPerResponse / max(1, series)))
  }

  /// Finds the series at a few instants, and keeps the largest. One that exists only between two of them is not found.
  private mutating func find(in coarse: TimeSeries, _ request: PrometheusQuery) async throws {
    let body = try await request.body(
      from: coarse.start, points: coarse.count, step: coarse.step, expectedSeries: limit)
    var found: [(labels: [(key: String, value: String)], load: Double)] = []
    _ = try request.check(\.envelope) {
      try PrometheusRows(body) { labels, points in
        found.append((labels, points.reduce(0) { $1.value.isFinite ? $0 + abs($1.value) : $0 }))
      }
    }
    found.sort { $0.load == $1.load ? Self.key($0.labels) < Self.key($1.labels) : $0.load > $1.load }
    leftOut = max(0, found.count - limit)
    series = found.prefix(limit).map { Series(labels: $0.labels, load: coarse) }
      .sorted { Self.key($0.labels) < Self.key($1.labels) }
    for (index, entry) in series.enumerated() { indices[Self.key(entry.labels)] = index }
  }

  /// Reads the samples of a part of the grid.
  private mutating func fill(_ part: Range<Int>, of grid: TimeSeries, _ request: PrometheusQuery) async throws {
    let body = try await request.body(
      from: grid.instant(at: part.lowerBound), points: part.count, step: grid.step, expectedSeries: series.count)
    let (start, step) = (grid.start.timeIntervalSince1970, grid.step.inSeconds)
    _ = try request.check(\.envelope) {
      try PrometheusRows(body) { labels, points in
        guard let index = indices[Self.key(labels)] else { return }
        for point in points where point.value.isFinite {
          let position = ((point.time - start) / step).rounded()
          guard position >= Double(part.lowerBound), position < Double(part.upperBound) else { continue }
          series[index].load.values[Int(position)] = point.value
        }
      }
    }
  }

  /// The labels as one text, in any order the same.
  private static func key(_ labels: [(key: String, value: String)]) -> String {
    labels.map { "\($0.key)=\($0.value)\u{0}" }.sorted().joined()
  }
}

/// The series of a response, one after the other.
struct PrometheusRows {
  let envelope: PrometheusEnvelope

  /// Parses a response.
  ///
  /// - Parameter visit: takes the labels and the points of each series.
  /// - Throws: JSONScanner.Defect when it is not such a response.
  init(_ body: [UInt8], visit: ([(key: String, value: String)], [PrometheusPoint]) -> Void) throws {
    var points: [PrometheusPoint] = []
    envelope = try PrometheusEnvelope(body) { scanner in
      var labels: PrometheusLabels?
      points.removeAll(keepingCapacity: true)
      try scanner.object { scanner, key in
        switch key {
        case "metric": labels = try PrometheusLabels(&scanner)
        case "values": try scanner.array { points.append(try PrometheusPoint(&$0)) }
        default: try scanner.skipValue()
        }
      }
      visit(labels?.pairs ?? [], points)
    }
  }
}
