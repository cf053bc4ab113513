import Foundation
import KedastralCore
import KedastralNet
import KedastralTesting
import TestSupport
import Testing

@testable import KedastralSources

@Suite("HTTP source")
struct HTTPSourceTests {
  private let start = Date(timeIntervalSince1970: 1_767_225_600)
  private let minute = Duration.seconds(60)

  /// Asks a service that answers `answer` for the five minutes from `start`, at five minutes and ten seconds.
  private func ask(
    _ answer: FaultServer.Answer, url: String = "/api/", method: String = "GET", headers: [HTTPHeader] = [],
    body: String? = nil, valuePath: String, timestampPath: String? = nil,
    timestampFormat: HTTPSource.TimestampFormat = .rfc3339, variables: [String: String] = [:], minutes: Int = 5
  ) async throws -> (series: TimeSeries, request: FaultServer.Request?) {
    let loop = try EventLoop()
    let server = try await FaultServer(on: loop) { _ in answer }
    let result: Result<TimeSeries, any Error> = await Result {
      try await withClient { client in
        let source = try HTTPSource(
          endpoint: HTTPEndpoint(server.url + url, headers: headers), method: method, body: body,
          valuePath: valuePath, timestampPath: timestampPath, timestampFormat: timestampFormat, variables: variables,
          client: client, clock: ManualClock(at: start + .seconds(310)))
        return try await source.samples(
          in: start + minute..<start + .seconds(minutes * 60 + 1), step: minute)
      }
    }
    let request = server.requests.first
    try await server.stop()
    await loop.stop()
    return (try result.get(), request)
  }

  private func shown(_ series: TimeSeries) -> [Double] { series.values.map { $0.isNaN ? -1 : $0 } }

  @Test("points belong to the step within which they lie, and several are averaged")
  func points() async throws {
    let body = """
      {"data": {"points": [
        {"t": "2026-01-01T00:01:00Z", "v": 1}, {"t": "2026-01-01T00:01:30.5Z", "v": "4"},
        {"t": "2026-01-01T01:02:00+01:00", "v": 6}, {"t": "2026-01-01T00:03:00Z", "v": null},
        {"t": "2026-01-01T00:04:00Z"}, {"t": "2026-01-01T00:04:01Z", "v": 9.5}, {"t": "2026-01-01T00:06:00Z", "v": 7},
        {"t": "2025-12-31T23:59:00Z", "v": 7}]}}
      """
    let answer = try await ask(
      .json(body), valuePath: "data.points.#.v", timestampPath: "data.points.#.t")
    #expect(shown(answer.series) == [1, 5, -1, -1, 9.5])
    #expect(answer.request?.line == "GET /api/ HTTP/1.1")
  }

  @Test(
    "reads Unix seconds and milliseconds, in parallel arrays, as numbers and in quotes",
    arguments: [
      (HTTPSource.TimestampFormat.unix, "1767225660, 1767225720.0, \"1767225780\""),
      (.unixMilliseconds, "1767225660000, 1767225720000, \"1767225780000\""),
    ])
  func formats(format: HTTPSource.TimestampFormat, stamps: String) async throws {
    let body = "{\"values\": [1, 2.5, 3e0], \"times\": [\(stamps)]}"
    let answer = try await ask(
      .json(body), valuePath: "values", timestampPath: "times", timestampFormat: format)
    #expect(shown(answer.series) == [1, 2.5, 3, -1, -1])
  }

  @Test(
    "a current value is the sample of the newest step that has ended",
    arguments: [
      ("data.items[1].value", #"{"data": {"items": [{}, {"value": 42}]}}"#),
      ("data.items.1.value", #"{"data": {"items": [{}, {"value": 42}]}}"#),
      ("[0]", "[42]"), ("rate", #"{"rate": "42.0"}"#), ("a.0", #"{"a": {"0": 42}}"#),
    ])
  func current(path: String, body: String) async throws {
    #expect(try await shown(ask(.json(body), valuePath: path).series) == [-1, -1, -1, -1, 42])
    #expect(try await shown(ask(.json(body), valuePath: path, minutes: 8).series) == [-1, -1, -1, -1, 42, -1, -1, -1])
    #expect(try await shown(ask(.json(body), valuePath: path, minutes: 3).series) == [-1, -1, -1])
  }

  @Test("URL, headers and body are templates, also with the Go implementation's names")
  func templates() async throws {
    let answer = try await ask(
      .json(#"{"v": 1}"#), url: "/q?from={{start}}&to={{.End}}&at={{ now }}", method: "POST",
      headers: [HTTPHeader("Authorization", "Bearer {{.Token}}")],
      body:
        #"{"f": "{{.StartRFC3339}}", "t": "{{.EndRFC3339}}", "s": {{.Step}}, "w": {{.WindowSeconds}}, "now": "{{nowRFC3339}}"}"#,
      valuePath: "v", variables: ["Token": "xyz"])
    #expect(answer.request?.line == "POST /q?from=1767225600&to=1767225900&at=1767225910 HTTP/1.1")
    #expect(answer.request?.headers["authorization"] == "Bearer xyz")
    #expect(answer.request?.headers["content-type"] == "application/json")
    #expect(
      answer.request?.body
        == #"{"f": "2026-01-01T00:00:00Z", "t": "2026-01-01T00:05:00Z", "s": 60, "w": 300, "now": "2026-01-01T00:05:10Z"}"#
    )
  }

  @Test("a user's content type is kept")
  func contentType() async throws {
    let answer = try await ask(
      .json(#"{"v": 1}"#), method: "PUT", headers: [HTTPHeader("content-type", "text/plain")], body: "x",
      valuePath: "v")
    #expect(answer.request?.headers["content-type"] == "text/plain")
  }

  @Test(
    "reports what is wrong with a response",
    arguments: [
      ("garbage", "v", nil, "the response is not JSON: expected a number at byte 0; it begins: garbage"),
      ("{}", "v.w", nil, "the response has no such value"),
      (#"{"v": {"a": 1}}"#, "v", nil, "value 0 is not a number"),
      (#"{"v": [1, "two"]}"#, "v", "t", "value 1 is not a number"),
      (#"{"v": [1, 2]}"#, "v", nil, "the response has 2 values, but no timestamp path is set"),
      (#"{"v": [1, 2]}"#, "v", "t", "the response has nothing at the timestamp path t"),
      (
        #"{"v": [1, 2], "t": ["2026-01-01T00:01:00Z"]}"#, "v", "t", "the response has 2 values, but 1 timestamps (at t)"
      ),
      (#"{"v": [1], "t": [5]}"#, "v", "t", "timestamp 0 (at t) is not in the format rfc3339"),
    ])
  func defects(body: String, valuePath: String, timestampPath: String?, problem: String) async throws {
    let error = await #expect(throws: SourceError.self) {
      try await ask(.json(body), valuePath: valuePath, timestampPath: timestampPath)
    }
    #expect(error?.problem == problem)
    #expect(error?.asked == "GET \(valuePath)")
  }

  @Test("reports an error status with the service's message")
  func status() async throws {
    let error = await #expect(throws: SourceError.self) {
      try await ask(.json(#"{"error": "no such metric"}"#, status: 422), url: "/q?key=S3CRET", valuePath: "v")
    }
    #expect(error?.problem == "HTTP 422: no such metric")
    #expect(error?.description.contains("S3CRET") == false)
  }

  @Test("rejects invalid settings at the start")
  func settings() async throws {
    let unknown = await #expect(throws: SourceError.self) {
      try await ask(.silence, body: "{{.Tokn}}", valuePath: "v", variables: ["Token": "x"])
    }
    #expect(
      unknown?.problem
        == "the variable {{Tokn}} is unknown; known variables are Token, end, endRFC3339, now, nowRFC3339, start, startRFC3339, step, windowSeconds"
    )
    await #expect(throws: SourceError.self) { try await ask(.silence, body: "{{now", valuePath: "v") }
    for path in ["", "a..b", ".", "a.", "a[", "a[x]", "a[0", "a]b", "a[0]]"] {
      let error = await #expect(throws: JSONPath.ParseError.self) { try await ask(.silence, valuePath: path) }
      #expect(error?.description.hasPrefix("'\(path)' is not a JSON path") == true)
    }
  }
}

@Suite("JSON scanner")
struct JSONScannerTests {
  @Test(
    "reads what FoundationEssentials' decoder reads",
    arguments: [
      "0", "-0.0", "1e5", "1E-7", "0.1", "0.30000000000000004", "123456789012345678901234567890",
      "1.7976931348623157e308",
      "5e-324", "9007199254740993", "0.000000000000000000000000000001", "3.141592653589793", "100000000000000000000000",
    ])
  func numbers(text: String) throws {
    var scanner = JSONScanner(Array(text.utf8))
    let number = try scanner.number()
    try scanner.finish()
    #expect(number == (try JSONDecoder().decode([Double].self, from: Data("[\(text)]".utf8))[0]))
  }

  @Test("random numbers are read back exactly")
  func roundTrip() throws {
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<10_000 {
      let value = Double(bitPattern: generator.next())
      guard value.isFinite else { continue }
      var scanner = JSONScanner(Array("\(value)".utf8))
      #expect(try scanner.number() == value)
    }
  }

  @Test(
    "reads strings with escapes, surrogate pairs and lone surrogates",
    arguments: [
      (#""plain""#, "plain"), (#""a\"b\\c\/d\n""#, "a\"b\\c/d\n"), (#""\u00e9\uD83D\uDE00""#, "é😀"),
      (#""\uD83Dx""#, "\u{FFFD}x"),
      ("\"é😀\"", "é😀"), (#""""#, ""),
    ])
  func strings(text: String, expected: String) throws {
    #expect(try JSONValue(Array(text.utf8)) == .string(expected))
  }

  @Test("reads or rejects every truncated or changed text without crashing")
  func mutations() throws {
    let text = Array(#"{"a":[1,-2.5e3,"x\u00e9\n",null,true,false,{"b":{}}],"c":[]}"#.utf8)
    _ = try JSONValue(text)
    for length in 0..<text.count {
      #expect(throws: JSONScanner.Defect.self) { try JSONValue(Array(text[..<length])) }
    }
    for index in text.indices {
      for byte in [0x00, 0x22, 0x2C, 0x5B, 0x5C, 0x5D, 0x65, 0x7B, 0x7D, 0xFF] as [UInt8] {
        var changed = text
        changed[index] = byte
        _ = try? JSONValue(changed)
        _ = try? PrometheusAnswer(changed)
      }
    }
  }

  @Test("nesting is limited")
  func nesting() {
    let deep = [UInt8](repeating: 0x5B, count: 1_000_000)
    #expect(throws: JSONScanner.Defect.self) { try JSONValue(deep) }
  }
}
