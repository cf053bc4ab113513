import KedastralCore
import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A query and the server that evaluates it: sends range queries and checks what comes back.
struct PrometheusQuery: Sendable {
  /// The maximum number of points per series: Prometheus refuses more.
  static let pointsPerQuery = 11_000
  /// Up to this number of points, compressing a response is not worthwhile.
  private static let plainAnswerPoints = 50

  let endpoint: HTTPEndpoint
  let text: String
  let partialResponse: PrometheusSource.PartialResponse
  let client: HTTPClient
  let logger: KedastralLogger
  private let warnings = WarningLog()
  private let method = QueryMethod()

  init(
    endpoint: HTTPEndpoint, text: String, partialResponse: PrometheusSource.PartialResponse, client: HTTPClient,
    logger: KedastralLogger
  ) {
    self.endpoint = endpoint
    self.text = text
    self.partialResponse = partialResponse
    self.client = client
    self.logger = logger
  }

  /// The body of the response for `points` instants from `start`.
  ///
  /// - Parameter expectedSeries: the approximate number of series.
  /// - Throws: ``SourceError``, or `CancellationError`.
  func body(from start: Date, points: Int, step: Duration, expectedSeries: Int = 1) async throws -> [UInt8] {
    let end = start.addingTimeInterval(Double(points - 1) * step.inSeconds)
    let form = FormEncoding.encode([
      ("query", text), ("start", seconds(start.timeIntervalSince1970)), ("end", seconds(end.timeIntervalSince1970)),
      ("step", seconds(step.inSeconds)), ("timeout", seconds(endpoint.deadline.inSeconds)),
    ])
    return try await send(form, acceptsCompression: points * expectedSeries > Self.plainAnswerPoints).body
  }

  /// Parses a response, and rejects an error and what the settings refuse.
  func check<Answer>(
    _ envelope: KeyPath<Answer, PrometheusEnvelope>, _ parse: () throws -> Answer
  ) throws -> Answer {
    let answer: Answer
    do {
      answer = try parse()
    } catch {
      throw failure("the response is not Prometheus JSON: \(error)")
    }
    let envelope = answer[keyPath: envelope]
    if let problem = envelope.failure { throw failure("\(problem.type): \(problem.message)") }
    if envelope.isPartial, partialResponse == .refuse {
      throw failure("the response is incomplete: \(envelope.warnings.joined(separator: "; "))")
    }
    warnings.note(envelope.warnings, query: text, logger)
    guard envelope.resultType == "matrix" else { throw failure("expected a matrix, got '\(envelope.resultType)'") }
    return answer
  }

  /// Logs values that are not finite.
  func noteMissing(_ count: Int) {
    guard count > 0 else { return }
    logger.debug(
      "the query returned values that are not finite; they are treated as missing",
      ["query": text, "count": "\(count)"])
  }

  /// The request, as errors name it.
  var asked: String { "query \(text)" }

  func failure(_ problem: String) -> SourceError {
    SourceError(asked: asked, of: endpoint.displayName, problem: problem)
  }

  /// Queries by POST, or by GET if POST is rejected.
  private func send(_ form: [UInt8], acceptsCompression: Bool) async throws -> HTTPResponse {
    let path = "/api/v1/query_range"
    var refusal = ""
    if method.next() == .post {
      let request = HTTPRequest(
        endpoint, method: "POST", path: path,
        headers: [HTTPHeader("Content-Type", "application/x-www-form-urlencoded")], body: form,
        acceptsCompression: acceptsCompression)
      let response = try await client.response(to: request, asked: asked)
      if response.isSuccess { return response }
      guard QueryMethod.isRefusal(response.status) else { throw failure(problem(response)) }
      refusal = " (with GET, after POST was refused with HTTP \(response.status))"
    }
    let request = HTTPRequest(
      endpoint, path: path + "?" + String(decoding: form, as: UTF8.self), acceptsCompression: acceptsCompression)
    let response = try await client.response(to: request, asked: asked)
    guard response.isSuccess else { throw failure(problem(response) + refusal) }
    if !refusal.isEmpty {
      method.noteThatGETServes()
      logger.info("the server refuses POST; queries are sent with GET", ["source": endpoint.displayName])
    }
    return response
  }

  /// An error status, with Prometheus's message where the body has one.
  private func problem(_ response: HTTPResponse) -> String {
    let message = (try? PrometheusEnvelope(response.body) { try $0.skipValue() })?.failure
    guard message == nil, response.status == 404 else {
      return response.problem(message.map { "\($0.type): \($0.message)" })
    }
    let hint =
      endpoint.displayName.contains("/api/v1")
      ? "give the URL without /api/v1, which every query adds" : "is this the base URL of a Prometheus?"
    return "\(response.problem()); \(hint)"
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
