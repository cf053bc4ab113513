import Foundation
import KedastralCore
import KedastralNet
import KedastralSources
import KedastralTesting
import Synchronization
import TestSupport
import Testing

/// Four hours of minutes from midnight, in two series: `load{app="shop"}` counts the minutes, with the second and third hour
/// missing; `load{app="blog"}` is constant.
private enum History {
  static let start = Date(timeIntervalSince1970: 1_767_225_600)
  static let minutes = 240
  static let gap = 60..<180

  static var openMetrics: String {
    var lines = ["# TYPE load gauge"]
    for (app, value) in [("blog", { (_: Int) in 7 }), ("shop", { $0 })] {
      for minute in 0..<minutes where app == "blog" || !gap.contains(minute) {
        lines.append("load{app=\"\(app)\"} \(value(minute)) \(Int(start.timeIntervalSince1970) + minute * 60)")
      }
    }
    return (lines + ["# EOF", ""]).joined(separator: "\n")
  }
}

/// One Prometheus for all tests of a suite.
private struct PrometheusTrait: SuiteTrait, TestScoping {
  @TaskLocal static var url = ""

  func provideScope(
    for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
  ) async throws {
    let server = try await PrometheusServer(
      openMetrics: History.openMetrics, arguments: ["--query.lookback-delta=30s"])
    defer { server.stop() }
    try await Self.$url.withValue(server.url) { try await function() }
  }
}

/// Runs `body` with a client on a loop of its own.
func withClient<Result>(_ body: (HTTPClient) async throws -> Result) async throws -> Result {
  let loop = try EventLoop()
  let client = try HTTPClient(on: loop)
  let result: Swift.Result<Result, any Error>
  do { result = .success(try await body(client)) } catch { result = .failure(error) }
  await client.close()
  await loop.stop()
  return try result.get()
}

@Suite("Prometheus source, on a real Prometheus", PrometheusTrait())
struct PrometheusSourceTests {
  private let minute = Duration.seconds(60)

  private func samples(
    _ query: String, in range: Range<Date>, step: Duration = .seconds(60), logger: KedastralLogger = .silent
  ) async throws -> TimeSeries {
    try await withClient { client in
      let source = PrometheusSource(
        endpoint: HTTPEndpoint(PrometheusTrait.url), query: query, client: client, logger: logger)
      return try await source.samples(in: range, step: step)
    }
  }

  private var wholeHistory: Range<Date> { History.start..<History.start + .seconds(History.minutes * 60) }

  @Test("samples lie on the grid, and a gap of half the window is missing samples")
  func gap() async throws {
    let series = try await samples("sum(load{app=\"shop\"})", in: wholeHistory)
    #expect(series.start == History.start)
    #expect(series.count == History.minutes)
    #expect(series.missingCount == History.gap.count)
    for (minute, value) in series.values.enumerated() where value.isFinite { #expect(value == Double(minute)) }
    #expect(series.values[History.gap].allSatisfy { $0.isNaN })
  }

  @Test("a range off the grid returns the samples on the grid inside it")
  func alignment() async throws {
    let range = History.start + .seconds(61)..<History.start + .seconds(299)
    let series = try await samples("load{app=\"shop\"}", in: range)
    #expect(series.start == History.start + .seconds(120))
    #expect(series.values == [2, 3, 4])
  }

  @Test("a range with more points than Prometheus allows is requested in parts and joined")
  func parts() async throws {
    let series = try await samples("sum(avg_over_time(load{app=\"blog\"}[2m]))", in: wholeHistory, step: .seconds(1))
    #expect(series.count == 14_400)
    #expect(series.values.allSatisfy { $0 == 7 })
  }

  @Test("a query without data returns only missing samples")
  func empty() async throws {
    let series = try await samples("sum(nothing_of_that_name)", in: wholeHistory)
    #expect(series.missingCount == History.minutes)
  }

  @Test("an empty range sends no request")
  func emptyRange() async throws {
    #expect(
      try await samples("this is not a query", in: History.start + .seconds(1)..<History.start + .seconds(2)).isEmpty)
  }

  @Test("rejects two series with a suggestion")
  func severalSeries() async throws {
    let error = await #expect(throws: SourceError.self) { try await samples("load", in: wholeHistory) }
    #expect(
      error?.description
        == "\(PrometheusTrait.url): query load: expected one series, got 2, such as load{app=\"blog\"} and load{app=\"shop\"}; aggregate them to one, for instance sum(…), or give the label that tells the workloads apart"
    )
  }

  @Test("NaN and infinities are missing, and counted in the log")
  func notFinite() async throws {
    let lines = LogLines()
    for query in ["sum(load{app=\"blog\"}) / 0", "sum(load{app=\"blog\"}) * 0 / 0", "-sum(load{app=\"blog\"}) / 0"] {
      let series = try await samples(query, in: wholeHistory, logger: KedastralLogger(lines))
      #expect(series.missingCount == History.minutes)
    }
    #expect(lines.texts.count { $0.contains("not finite") && $0.contains("count=240") } == 3)
  }

  @Test("reports Prometheus's message for a rejected query")
  func badQuery() async throws {
    let error = await #expect(throws: SourceError.self) { try await samples("sum(", in: wholeHistory) }
    let text = try #require(error?.description)
    #expect(text.hasPrefix("\(PrometheusTrait.url): query sum(: HTTP 400: bad_data: "))
    #expect(text.contains("parse error: unclosed left parenthesis"))
    #expect(!text.contains("\n"))
  }

  @Test("parameters of the URL are sent with the query, and Prometheus returns the same data")
  func parameters() async throws {
    try await withClient { client in
      let source = PrometheusSource(
        endpoint: HTTPEndpoint(PrometheusTrait.url + "/?dedup=true&max_source_resolution=5m"),
        query: "sum(load{app=\"blog\"})", client: client)
      let series = try await source.samples(in: wholeHistory, step: minute)
      #expect(series.values.allSatisfy { $0 == 7 })
    }
  }

  @Test("reports a wrong path with the response")
  func wrongPath() async throws {
    try await withClient { client in
      let source = PrometheusSource(
        endpoint: HTTPEndpoint(PrometheusTrait.url + "/nowhere"), query: "load", client: client)
      let error = await #expect(throws: SourceError.self) { try await source.samples(in: wholeHistory, step: minute) }
      #expect(
        error?.description == "\(PrometheusTrait.url)/nowhere: query load: HTTP 404: 404 page not found; "
          + "is this the base URL of a Prometheus?")
    }
  }

  @Test("one query serves two workloads, told apart by a label")
  func shared() async throws {
    try await withClient { client in
      let clock = ManualClock(at: History.start + .seconds(History.minutes * 60))
      let queries = SharedQueries(client: client, clock: clock, logger: .silent)
      func source(_ app: String) -> SharedPrometheusSource {
        queries.source(
          of: app, label: "app", query: "sum by (app) (load)", at: HTTPEndpoint(PrometheusTrait.url),
          step: minute, interval: .seconds(30))
      }
      let (blog, shop, nothing) = (source("blog"), source("shop"), source("nothing"))
      #expect(try await blog.samples(in: wholeHistory, step: minute).values.allSatisfy { $0 == 7 })
      let load = try await shop.samples(in: wholeHistory, step: minute)
      #expect(load.values[..<60].elementsEqual((0..<60).map(Double.init)))
      #expect(load.values[History.gap].allSatisfy { $0.isNaN })
      let error = await #expect(throws: SharedQueryError.self) {
        try await nothing.samples(in: wholeHistory, step: minute)
      }
      #expect(
        error?.description.contains(
          "no series with app=\"nothing\" since 2026-01-01T00:00:00Z: the query returned 2 series, such as app=\"blog\", app=\"shop\""
        ) == true, "\(error?.description ?? "")")
    }
  }

  @Test("scrapes Prometheus's own exposition into its request rate")
  func scrape() async throws {
    try await withClient { client in
      let ready = HTTPRequest(HTTPEndpoint(PrometheusTrait.url), path: "/-/ready")
      let clock = ManualClock(at: History.start)
      let source = ScrapeSource(
        endpoint: HTTPEndpoint(PrometheusTrait.url + "/metrics"),
        selector: try ScrapeSelector(#"prometheus_http_requests_total{handler="/-/ready"}"#), step: minute,
        client: client, clock: clock)
      _ = try await client.send(ready)
      try await source.scrape()
      for _ in 0..<30 { _ = try await client.send(ready) }
      clock.advance(by: minute)
      try await source.scrape()
      let load = try await source.samples(in: History.start + minute..<History.start + .seconds(61), step: minute)
      #expect(load.values == [0.5])
    }
  }
}

@Suite("Prometheus source, on faulty servers")
struct PrometheusFaultTests {
  private let range = History.start..<History.start + .seconds(600)

  private func outcome(
    _ answer: FaultServer.Answer, deadline: Duration = .seconds(10), limit: Int = 1 << 20,
    logger: KedastralLogger = .silent
  ) async throws -> (url: String, result: Result<TimeSeries, any Error>) {
    let loop = try EventLoop()
    let server = try await FaultServer(on: loop) { _ in answer }
    let result: Result<TimeSeries, any Error> = await Result {
      try await withClient { client in
        let endpoint = HTTPEndpoint(server.url, deadline: deadline, maximumAnswerBytes: limit)
        let source = PrometheusSource(endpoint: endpoint, query: "load", client: client, logger: logger)
        return try await source.samples(in: range, step: .seconds(60))
      }
    }
    try await server.stop()
    await loop.stop()
    return (server.url, result)
  }

  private func problem(
    _ answer: FaultServer.Answer, deadline: Duration = .seconds(10), limit: Int = 1 << 20
  ) async throws -> String {
    let (url, result) = try await outcome(answer, deadline: deadline, limit: limit)
    guard case .failure(let error) = result else { return "samples came back" }
    let prefix = "\(url): query load: "
    return "\(error)".hasPrefix(prefix) ? String("\(error)".dropFirst(prefix.count)) : "\(error)"
  }

  @Test("reports a slow server, and one that is down")
  func unreachable() async throws {
    #expect(
      try await problem(.silence, deadline: .seconds(2)) == "no response within 2s (waiting for the response)")
    let port = freePort()
    try await withClient { client in
      let source = PrometheusSource(endpoint: HTTPEndpoint("http://127.0.0.1:\(port)"), query: "load", client: client)
      let error = await #expect(throws: SourceError.self) { try await source.samples(in: range, step: .seconds(60)) }
      #expect(error?.description == "http://127.0.0.1:\(port): query load: cannot connect: Connection refused")
    }
  }

  @Test("reports status 500, with and without Prometheus's message")
  func serverError() async throws {
    let body = #"{"status":"error","errorType":"internal","error":"out of disk"}"#
    #expect(try await problem(.json(body, status: 500)) == "HTTP 500: internal: out of disk")
    let page = "<html>\n<h1>Bad  gateway</h1>\n</html>"
    #expect(try await problem(.json(page, status: 502)) == "HTTP 502: a web page: Bad gateway")
    #expect(
      try await problem(.json("page not found", status: 404))
        == "HTTP 404: page not found; is this the base URL of a Prometheus?")
    #expect(try await problem(.json("", status: 503)) == "HTTP 503")
  }

  @Test(
    "reports a body that is not a Prometheus response",
    arguments: [
      "", "garbage", "<html></html>", "[]", "{}", #"{"status":"success","data":{"resultType":"matrix","result":[{"#,
      #"{"status":"success","data":{"resultType":"matrix","result":[]}} trailing"#,
      #"{"status":"success","data":{"resultType":"matrix","result":[{"values":[[1,"seven"]]}]}}"#,
      #"{"status":"success","data":{"resultType":"matrix","result":[{"values":[[1,7]]}]}}"#,
      #"{"status":"success","data":{"resultType":"matrix","result":[{"values":[["1","7"]]}]}}"#,
      String(repeating: "[", count: 100_000), #"{"x":"# + String(repeating: "[", count: 100_000),
    ])
  func garbage(body: String) async throws {
    let text = try await problem(.json(body))
    #expect(text.hasPrefix("the response is not Prometheus JSON: "), "\(text)")
  }

  @Test("rejects a result that is not a matrix by its type")
  func vector() async throws {
    let body = #"{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"7"]}]}}"#
    #expect(try await problem(.json(body)) == "expected a matrix, got 'vector'")
    let scalar = #"{"status":"success","data":{"resultType":"scalar","result":[1,"7"]}}"#
    #expect(try await problem(.json(scalar)) == "expected a matrix, got 'scalar'")
  }

  @Test("drops samples at times that no clock shows")
  func absurdTimes() async throws {
    let body =
      #"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[1e300,"1"],[-1e300,"2"]]}]}}"#
    #expect(try await outcome(.json(body)).result.get().missingCount == 10)
  }

  @Test("rejects a response beyond the size limit")
  func huge() async throws {
    let body = #"{"status":"success","data":""# + String(repeating: "x", count: 1 << 20)
    #expect(try await problem(.json(body), limit: 50_000) == "the response is larger than the limit of 50000 bytes")
  }

  @Test("logs warnings, and drops samples off the grid or out of range")
  func warnings() async throws {
    let lines = LogLines()
    let start = Int(History.start.timeIntervalSince1970)
    let body = """
      {"status":"success","warnings":["one \\"store\\" is slow"],"isPartial":true,"stats":{"a":[1,2.5e3,null,true]},
       "data":{"resultType":"matrix","result":[{"metric":{"a":"b"},
       "values":[[\(start - 60),"1"],[\(start).0,"2e0"],[\(start + 120),"+Inf"],[\(start + 540),"0.30000000000000004"],[\(start + 600),"5"]]}]}}
      """
    let series = try await outcome(.json(body), logger: KedastralLogger(lines)).result.get()
    #expect(series.values.first == 2)
    #expect(series.values.last == 0.30000000000000004)
    #expect(series.missingCount == 8)
    #expect(lines.texts.contains { $0.contains(#"one "store" is slow"#) })
    #expect(lines.texts.contains { $0.contains("partial") })
  }
}

/// Keeps what is logged.
final class LogLines: KedastralLogHandler {
  private let lines = Mutex<[String]>([])
  var texts: [String] { lines.withLock { $0 } }

  func isEnabled(_ level: KedastralLogLevel) -> Bool { true }
  func log(_ level: KedastralLogLevel, _ message: String, _ fields: KeyValuePairs<String, String>) {
    let text = ([message] + fields.map { "\($0.key)=\($0.value)" }).joined(separator: " ")
    lines.withLock { $0.append("\(level) \(text)") }
  }
}

extension Result where Failure == any Error {
  /// The result of an asynchronous closure.
  init(_ body: () async throws -> Success) async {
    do { self = .success(try await body()) } catch { self = .failure(error) }
  }
}
