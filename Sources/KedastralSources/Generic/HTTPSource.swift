import KedastralCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Load from any HTTP service that responds with JSON: a series of points, or only the current value.
///
///     let source = try HTTPSource(
///       endpoint: HTTPEndpoint("https://metrics.example.com/query"), method: "POST",
///       body: #"{"metric": "orders", "from": {{start}}, "to": {{end}}, "resolution": "{{step}}s"}"#,
///       valuePath: "data.#.value", timestampPath: "data.#.ts", timestampFormat: .unix, client: client, clock: clock)
/// URL, headers and body are templates. In addition to the user's variables there are `start` and `end` of the range, and `now`,
/// in Unix seconds; `startRFC3339`, `endRFC3339` and `nowRFC3339`; `step` and `windowSeconds` in seconds.
///
/// Each point belongs to the step within which it lies, and a step's load is the mean of its points; a step without
/// points is missing. Without a ``timestampPath`` the response's single value is the sample of the newest step that has
/// ended.
package struct HTTPSource: IdentifiedSource {
  /// The format of instants in the response.
  package enum TimestampFormat: String, Sendable, CaseIterable {
    /// `2026-01-31T06:00:00Z`
    case rfc3339
    /// Seconds since the Unix epoch.
    case unix
    /// Milliseconds since the Unix epoch.
    case unixMilliseconds = "unix_milli"
  }

  private static let builtInNames = [
    "now", "start", "end", "step", "windowSeconds", "nowRFC3339", "startRFC3339", "endRFC3339",
  ]

  /// The path of the values in the response.
  package let valuePath: JSONPath
  /// The path of their instants; nil for a current value.
  package let timestampPath: JSONPath?
  /// The format of the instants.
  package let timestampFormat: TimestampFormat
  private let endpoint: HTTPEndpoint
  private let method: String
  private let url: Template
  private let headers: [(name: String, value: Template)]
  private let body: Template?
  private let variables: [String: String]
  package let loadIdentity: String
  private let client: HTTPClient
  private let clock: any WallClock

  /// Creates a source.
  ///
  /// - Parameters:
  ///   - endpoint: the server; its URL and the values of its headers are templates.
  ///   - body: the template of the body, sent as JSON unless a header sets another type; nil for none.
  ///   - variables: the user's own variables for the templates, often secrets.
  /// - Throws: ``SourceError`` for a template with an unknown variable, ``JSONPath/ParseError`` for an invalid path.
  package init(
    endpoint: HTTPEndpoint, method: String = "GET", body: String? = nil, valuePath: String,
    timestampPath: String? = nil, timestampFormat: TimestampFormat = .rfc3339, variables: [String: String] = [:],
    client: HTTPClient, clock: any WallClock
  ) throws {
    let names = Set(Self.builtInNames).union(variables.keys)
    func template(_ text: String, of place: String) throws -> Template {
      do { return try Template(text, names: names) } catch {
        throw SourceError(asked: "template of \(place)", of: endpoint.displayName, problem: error.description)
      }
    }
    self.endpoint = endpoint
    self.method = method
    self.url = try template(endpoint.url, of: "the URL")
    self.headers = try endpoint.headers.map { ($0.name, try template($0.value, of: "header \($0.name)")) }
    self.body = try body.map { try template($0, of: "the body") }
    self.valuePath = try JSONPath(valuePath)
    self.timestampPath = try timestampPath.map { try JSONPath($0) }
    self.timestampFormat = timestampFormat
    self.variables = variables
    let parts = [endpoint.identity, method, body ?? "", valuePath, timestampPath ?? "", timestampFormat.rawValue]
    loadIdentity =
      (["http"] + parts + variables.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }).joined(separator: "\n")
    self.client = client
    self.clock = clock
  }

  /// A current value has none.
  package var hasPast: Bool { timestampPath != nil }

  package func samples(in range: Range<Date>, step: Duration) async throws -> TimeSeries {
    var series = TimeSeries.missing(in: range, step: step)
    guard !series.isEmpty else { return series }
    let now = clock.now
    let response = try await client.answer(
      to: request(for: series, now: now), asked: asked, of: endpoint.displayName
    ) { response in
      guard let body = try? JSONValue(response.body) else { return nil }
      return body["error"].text ?? body["message"].text
    }
    let answer: JSONValue
    do { answer = try JSONValue(response.body) } catch {
      throw failure("the response is not JSON: \(error); it begins: \(response.excerpt)")
    }
    let values = try numbers(in: answer)
    if let timestampPath {
      series.fill(with: zip(try instants(in: answer, at: timestampPath, count: values.count), values))
    } else {
      guard values.count == 1 else {
        throw failure("the response has \(values.count) values, but no timestamp path is set")
      }
      series.setNewest(values[0], now: now)
    }
    return series
  }

  private var asked: String { "\(method) \(valuePath)" }

  private func failure(_ problem: String) -> SourceError {
    SourceError(asked: asked, of: endpoint.displayName, problem: problem)
  }

  private func request(for series: TimeSeries, now: Date) -> HTTPRequest {
    let start = series.start - series.step
    let end = series.end
    func seconds(_ date: Date) -> String { "\(Int(date.timeIntervalSince1970.rounded(.down)))" }
    let step = series.step.inSeconds
    let builtIn = [
      "now": seconds(now), "start": seconds(start), "end": seconds(end),
      "step": step == step.rounded() ? "\(Int(step))" : "\(step)",
      "windowSeconds": "\(Int(end.timeIntervalSince(start).rounded()))", "nowRFC3339": Timestamp.format(now),
      "startRFC3339": Timestamp.format(start), "endRFC3339": Timestamp.format(end),
    ]
    let values = builtIn.merging(variables) { $1 }
    var headers = self.headers.map { HTTPHeader($0.name, $0.value.rendered(values)) }
    func hasHeader(_ name: String) -> Bool { headers.contains { $0.name.lowercased() == name } }
    if !hasHeader("accept") { headers.append(HTTPHeader("Accept", "application/json")) }
    if body != nil, !hasHeader("content-type") { headers.append(HTTPHeader("Content-Type", "application/json")) }
    let rendered = HTTPEndpoint(
      url.rendered(values), credentials: endpoint.credentials, tls: endpoint.tls, headers: headers,
      proxy: endpoint.proxy, deadline: endpoint.deadline, maximumAnswerBytes: endpoint.maximumAnswerBytes)
    return HTTPRequest(rendered, method: method, body: body.map { Array($0.rendered(values).utf8) })
  }

  private func numbers(in answer: JSONValue) throws -> [Double] {
    guard let found = valuePath.values(in: answer) else { throw failure("the response has no such value") }
    return try found.enumerated().map { index, value in
      guard let number = value.number else { throw failure("value \(index) is not a number") }
      return number
    }
  }

  private func instants(in answer: JSONValue, at path: JSONPath, count: Int) throws -> [Date] {
    guard let found = path.values(in: answer) else {
      throw failure("the response has nothing at the timestamp path \(path)")
    }
    guard found.count == count else {
      throw failure("the response has \(count) values, but \(found.count) timestamps (at \(path))")
    }
    return try found.enumerated().map { index, value in
      guard let instant = instant(value) else {
        throw failure("timestamp \(index) (at \(path)) is not in the format \(timestampFormat)")
      }
      return instant
    }
  }

  private func instant(_ value: JSONValue) -> Date? {
    switch timestampFormat {
    case .rfc3339: value.text.flatMap { Timestamp.parse($0) }
    case .unix: value.number.flatMap { $0.isFinite ? Date(timeIntervalSince1970: $0) : nil }
    case .unixMilliseconds: value.number.flatMap { $0.isFinite ? Date(timeIntervalSince1970: $0 / 1000) : nil }
    }
  }
}

extension TimeSeries {
  /// Sets each sample to the mean of the points in the step that it ends; points outside the series are left out.
  fileprivate mutating func fill(with points: some Sequence<(Date, Double)>) {
    var sums = [Double](repeating: 0, count: count)
    var counts = [Int](repeating: 0, count: count)
    for (instant, value) in points where value.isFinite {
      let position = instant.timeIntervalSince(start) / step.inSeconds
      guard position > -1, position <= Double(count) else { continue }
      let index = Int((position - 1e-6).rounded(.up))
      guard values.indices.contains(index) else { continue }
      sums[index] += value
      counts[index] += 1
    }
    for index in values.indices where counts[index] > 0 { values[index] = sums[index] / Double(counts[index]) }
  }

  /// Sets the newest sample that is not in the future, unless it is too old for a current value.
  fileprivate mutating func setNewest(_ value: Double, now: Date) {
    let index = Swift.min(count - 1, Int((now.timeIntervalSince(start) / step.inSeconds).rounded(.down)))
    guard values.indices.contains(index), now.timeIntervalSince(instant(at: index)) < 2 * step.inSeconds else { return }
    values[index] = value.isFinite ? value : .nan
  }
}
