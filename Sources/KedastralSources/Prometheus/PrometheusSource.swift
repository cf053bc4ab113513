import KedastralCore
import Synchronization

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
  /// The maximum number of points per query: Prometheus refuses more.
  static let pointsPerQuery = 11_000
  /// Up to this number of points, compressing a response is not worthwhile.
  private static let plainAnswerPoints = 50

  /// What to do with a response that lacks a part of the server.
  public enum PartialResponse: String, Sendable, CaseIterable {
    /// Use it as provisional: it is read again once the whole server responds.
    case use
    /// Treat it as a failure: the plan follows the forecast meanwhile.
    case refuse
  }

  /// The server.
  package let endpoint: HTTPEndpoint
  /// The PromQL query.
  public let query: String
  private let partialResponse: PartialResponse
  private let client: HTTPClient
  private let logger: KedastralLogger
  private let warnings = WarningLog()
  private let method = QueryMethod()

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
    self.endpoint = endpoint
    self.query = query
    self.partialResponse = partialResponse
    self.client = client
    self.logger = logger
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
      let part = first..<min(first + Self.pointsPerQuery, series.count)
      let answer = try await ask(from: series.instant(at: part.lowerBound), points: part.count, step: step)
      if answer.isPartial, partialFrom == nil { partialFrom = series.instant(at: part.lowerBound) }
      for point in answer.points {
        let index = series.index(nearest: Date(timeIntervalSince1970: point.time))
        guard part.contains(index) else { continue }
        if point.value.isFinite { series.values[index] = point.value } else { missing += 1 }
      }
      first = part.upperBound
    }
    if missing > 0 {
      logger.debug(
        "the query returned values that are not finite; they are treated as missing",
        ["query": query, "count": "\(missing)"])
    }
    return MetricReading(series, partialFrom: partialFrom)
  }

  private func ask(from start: Date, points: Int, step: Duration) async throws -> PrometheusAnswer {
    let end = start.addingTimeInterval(Double(points - 1) * step.inSeconds)
    let form = FormEncoding.encode([
      ("query", query), ("start", seconds(start.timeIntervalSince1970)), ("end", seconds(end.timeIntervalSince1970)),
      ("step", seconds(step.inSeconds)), ("timeout", seconds(endpoint.deadline.inSeconds)),
    ])
    let response = try await send(form, acceptsCompression: points > Self.plainAnswerPoints)
    return try check(response.body, points: points)
  }

  /// Queries by POST, or by GET if POST is rejected.
  private func send(_ form: [UInt8], acceptsCompression: Bool) async throws -> HTTPResponse {
    let path = "/api/v1/query_range"
    func detail(_ response: HTTPResponse) -> String? {
      (try? PrometheusAnswer(response.body))?.failure.map { "\($0.type): \($0.message)" }
    }
    var refusal = ""
    if method.next() == .post {
      let request = HTTPRequest(
        endpoint, method: "POST", path: path,
        headers: [HTTPHeader("Content-Type", "application/x-www-form-urlencoded")], body: form,
        acceptsCompression: acceptsCompression)
      let response = try await client.response(to: request, asked: asked)
      if response.isSuccess { return response }
      guard QueryMethod.isRefusal(response.status) else { throw failure(response.problem(detail(response))) }
      refusal = " (with GET, after POST was refused with HTTP \(response.status))"
    }
    let request = HTTPRequest(
      endpoint, path: path + "?" + String(decoding: form, as: UTF8.self), acceptsCompression: acceptsCompression)
    let response = try await client.response(to: request, asked: asked)
    guard response.isSuccess else { throw failure(response.problem(detail(response)) + refusal) }
    if !refusal.isEmpty {
      method.noteThatGETServes()
      logger.info("the server refuses POST; queries are sent with GET", ["source": endpoint.displayName])
    }
    return response
  }

  private func check(_ body: [UInt8], points: Int) throws -> PrometheusAnswer {
    let answer: PrometheusAnswer
    do {
      answer = try PrometheusAnswer(body, expectedPoints: points)
    } catch {
      throw failure("the response is not Prometheus JSON: \(error)")
    }
    if let problem = answer.failure { throw failure("\(problem.type): \(problem.message)") }
    if answer.isPartial, partialResponse == .refuse {
      throw failure("the response is incomplete: \(answer.warnings.joined(separator: "; "))")
    }
    warnings.note(answer.warnings, query: query, logger)
    guard answer.resultType == "matrix" else { throw failure("expected a matrix, got '\(answer.resultType)'") }
    guard answer.seriesCount <= 1 else {
      let examples = answer.firstSelectors.joined(separator: " and ")
      throw failure(
        "expected one series, got \(answer.seriesCount), such as \(examples); aggregate them to one, for instance sum(…)"
      )
    }
    return answer
  }

  private var asked: String { "query \(query)" }

  private func failure(_ problem: String) -> SourceError {
    SourceError(asked: asked, of: endpoint.displayName, problem: problem)
  }

  /// Seconds as decimal text, exact to the millisecond.
  private func seconds(_ value: Double) -> String {
    let milliseconds = Int((value * 1000).rounded())
    return milliseconds % 1000 == 0 ? "\(milliseconds / 1000)" : "\(Double(milliseconds) / 1000)"
  }
}

/// Logs a server's warnings when they begin, change and end, not for each response.
private final class WarningLog: Sendable {
  private let last = Mutex<[String]>([])

  func note(_ warnings: [String], query: String, _ logger: KedastralLogger) {
    let before = last.withLock { last in
      defer { last = warnings }
      return last
    }
    guard warnings != before else { return }
    for warning in warnings where !before.contains(warning) {
      logger.warn("query warning", ["query": query, "warning": warning])
    }
    if warnings.isEmpty { logger.info("query warnings have ended", ["query": query]) }
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
