import KedastralCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Load from Prometheus or a compatible server (VictoriaMetrics, Thanos, Mimir): one PromQL query that returns one series.
///
///     let source = PrometheusSource(
///       endpoint: HTTPEndpoint("http://prometheus:9090"), query: #"sum(rate(http_requests_total{app="shop"}[1m]))"#,
///       client: client)
///     let load = try await source.samples(in: noon - .seconds(3600)..<noon, step: .seconds(60))
///
/// The query is evaluated at the instants of the grid, so a `rate(…[1m])` at step 1m is the load of the step that ends
/// there. NaN and infinite values (a ratio without traffic, for instance) count as missing. No series is a gap, more
/// than one is an error. A range of more than 11,000 points, Prometheus's limit, is requested in parts.
public struct PrometheusSource: MetricSource {
  /// What to do with a response that lacks a part of the server.
  public enum PartialResponse: String, Sendable, CaseIterable {
    /// Use it as provisional: it is read again once the whole server responds.
    case use
    /// Treat it as a failure: the plan follows the forecast meanwhile.
    case refuse
  }

  private let request: PrometheusQuery

  /// The server.
  package var endpoint: HTTPEndpoint { request.endpoint }
  /// The PromQL query.
  public var query: String { request.text }

  /// Creates a source.
  ///
  /// - Parameters:
  ///   - endpoint: the server's URL, up to where `/api/v1` begins; its parameters, such as `?dedup=true`, go with each query.
  ///   - query: a PromQL expression that gives one series.
  ///   - partialResponse: what to do with incomplete answers.
  ///   - logger: takes the server's warnings.
  package init(
    endpoint: HTTPEndpoint, query: String, partialResponse: PartialResponse = .use, client: HTTPClient,
    logger: KedastralLogger = .silent
  ) {
    request = PrometheusQuery(
      endpoint: endpoint, text: query, partialResponse: partialResponse, client: client, logger: logger)
  }

  public func samples(in range: Range<Date>, step: Duration) async throws -> TimeSeries {
    try await read(in: range, step: step).series
  }

  public func read(in range: Range<Date>, step: Duration) async throws -> MetricReading {
    var series = TimeSeries.missing(in: range, step: step)
    var partialFrom: Date?
    var missing = 0
    var first = 0
    while first < series.count {
      let part = first..<min(first + PrometheusQuery.pointsPerQuery, series.count)
      let answer = try await ask(from: series.instant(at: part.lowerBound), points: part.count, step: step)
      if answer.envelope.isPartial, partialFrom == nil { partialFrom = series.instant(at: part.lowerBound) }
      // A server may write any number as a time, and not every one has an index.
      let times = (series.start - step).timeIntervalSince1970...(series.end + step).timeIntervalSince1970
      for point in answer.points where times.contains(point.time) {
        let index = series.index(nearest: Date(timeIntervalSince1970: point.time))
        guard part.contains(index) else { continue }
        if point.value.isFinite { series.values[index] = point.value } else { missing += 1 }
      }
      first = part.upperBound
    }
    request.noteMissing(missing)
    return MetricReading(series, partialFrom: partialFrom)
  }

  private func ask(from start: Date, points: Int, step: Duration) async throws -> PrometheusAnswer {
    let body = try await request.body(from: start, points: points, step: step)
    let answer = try request.check(\.envelope) { try PrometheusAnswer(body, expectedPoints: points) }
    guard answer.seriesCount <= 1 else {
      let examples = answer.firstSelectors.joined(separator: " and ")
      throw request.failure(
        "expected one series, got \(answer.seriesCount), such as \(examples); aggregate them to one, for instance sum(…), or give the label that tells the workloads apart"
      )
    }
    return answer
  }
}

extension PrometheusSource {
  /// Creates a source of a server's URL.
  ///
  /// - Parameters:
  ///   - url: the URL up to where `/api/v1` begins, such as `http://prometheus:9090`.
  ///   - query: a PromQL expression that gives one series.
  ///   - bearerTokenFile: a file with the token to send; nil for none.
  ///   - timeout: how long one query may take.
  /// - Throws: when no HTTP client can be started.
  public init(
    url: String, query: String, bearerTokenFile: String? = nil, timeout: Duration = .seconds(10)
  ) throws {
    self.init(
      endpoint: HTTPEndpoint(
        url, credentials: bearerTokenFile.map { .bearer(file: $0) } ?? .none, proxy: .environment(),
        deadline: timeout),
      query: query, client: try .shared())
  }
}
