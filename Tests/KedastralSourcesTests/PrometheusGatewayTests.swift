import Foundation
import KedastralCore
import KedastralNet
import KedastralTesting
import TestSupport
import Testing

@testable import KedastralSources

/// Doubles of gateways before a Prometheus: a real one takes POST, and ignores parameters that it does not have.
@Suite("Prometheus source, behind gateways")
struct PrometheusGatewayTests {
  private let range = Date(timeIntervalSince1970: 600)..<Date(timeIntervalSince1970: 780)
  private static let answer =
    #"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[600,"1"],[660,"2"],[720,"3"]]}]}}"#

  /// A gateway that answers one method with a status, and everything else with samples.
  private func withGateway(
    refusing method: String, with status: Int, path: String = "", rounds: Int = 1,
    query: String = "load", logger: KedastralLogger = .silent
  ) async throws -> (series: TimeSeries?, error: SourceError?, lines: [String], url: String) {
    let loop = try EventLoop()
    let server = try await FaultServer(on: loop) { request in
      method == "*" || request.line.hasPrefix(method)
        ? .json("forbidden", status: status) : .json(Self.answer)
    }
    var series: TimeSeries?
    var error: SourceError?
    do {
      series = try await withClient { client in
        let source = PrometheusSource(
          endpoint: HTTPEndpoint(server.url + path), query: query, client: client, logger: logger)
        for _ in 1..<rounds { _ = try await source.samples(in: range, step: .seconds(60)) }
        return try await source.samples(in: range, step: .seconds(60))
      }
    } catch let caught as SourceError { error = caught }
    let lines = server.requests.map(\.line)
    try await server.stop()
    await loop.stop()
    return (series, error, lines, server.url)
  }

  @Test("a rejected POST is repeated by GET, and later queries use only GET", arguments: [403, 405, 501])
  func refusedPOST(status: Int) async throws {
    let lines = LogLines()
    let outcome = try await withGateway(
      refusing: "POST", with: status, path: "/gate/", rounds: 3, query: "sum(load{a=\"b\"}) + 1",
      logger: KedastralLogger(lines))
    #expect(outcome.series?.values == [1, 2, 3])
    #expect(outcome.lines.first == "POST /gate/api/v1/query_range HTTP/1.1")
    let query = "query=sum%28load%7Ba%3D%22b%22%7D%29%20%2B%201&start=600&end=720&step=60&timeout=10"
    #expect(
      Array(outcome.lines.dropFirst())
        == Array(repeating: "GET /gate/api/v1/query_range?\(query) HTTP/1.1", count: 3))
    #expect(lines.texts.count { $0.contains("queries are sent with GET") } == 1)
  }

  @Test("another status of POST is the result, and nothing is sent again", arguments: [400, 401, 404, 429, 500, 503])
  func otherStatus(status: Int) async throws {
    let outcome = try await withGateway(refusing: "POST", with: status)
    #expect(outcome.lines.count == 1)
    #expect(outcome.error?.problem.hasPrefix("HTTP \(status): forbidden") == true)
  }

  @Test("if both methods are rejected, the error says so, and both are tried the next time")
  func bothRefused() async throws {
    let outcome = try await withGateway(refusing: "*", with: 403)
    #expect(
      outcome.error?.description
        == "\(outcome.url): query load: HTTP 403: forbidden (with GET, after POST was refused with HTTP 403)")
    #expect(outcome.lines.map { $0.prefix(4) } == ["POST", "GET "])
  }

  @Test("after many queries by GET, one is tried by POST again")
  func retry() {
    let method = QueryMethod()
    #expect(method.next() == .post)
    #expect(method.next() == .post)
    method.noteThatGETServes()
    for _ in 0..<QueryMethod.queriesUntilRetry { #expect(method.next() == .get) }
    #expect(method.next() == .post)
  }

  @Test(
    "parameters of the URL are sent with POST and with GET",
    arguments: [
      ("/ok?dedup=true", "/ok/api/v1/query_range", "dedup=true"),
      (
        "?partial_response=false&max_source_resolution=5m", "/api/v1/query_range",
        "partial_response=false&max_source_resolution=5m"
      ),
      ("/select/0/prometheus/?extra_label=a%3Db#top", "/select/0/prometheus/api/v1/query_range", "extra_label=a%3Db"),
    ])
  func parameters(path: String, requested: String, query: String) async throws {
    let post = try await withGateway(refusing: "nothing", with: 500, path: path)
    #expect(post.series?.values == [1, 2, 3])
    #expect(post.lines == ["POST \(requested)?\(query) HTTP/1.1"])
    let get = try await withGateway(refusing: "POST", with: 403, path: path)
    #expect(
      get.lines.last == "GET \(requested)?query=load&start=600&end=720&step=60&timeout=10&\(query) HTTP/1.1")
  }

  @Test("an error shows the names of the URL's parameters but not their values")
  func shownParameters() async throws {
    let outcome = try await withGateway(refusing: "*", with: 500, path: "/ok?dedup=true&token=s3cret&x3cret")
    #expect(
      outcome.error?.description
        == "\(outcome.url)/ok?dedup=…&token=…&…: query load: HTTP 500: forbidden")
  }
}

@Suite("URLs of requests")
struct RequestURLTests {
  @Test(
    "a path and parameters follow the URL's own path, and the URL's parameters are kept",
    arguments: [
      ("http://h", "", "http://h"), ("http://h/a?x=1", "", "http://h/a?x=1"), ("http://h", "/b", "http://h/b"),
      ("http://h/", "/b", "http://h/b"), ("http://h/a?x=1", "/b", "http://h/a/b?x=1"),
      ("http://h?x=1", "/b?y=2", "http://h/b?y=2&x=1"), ("http://h/a/?x=1#f", "/b?y=2", "http://h/a/b?y=2&x=1"),
      ("http://h/a?", "/b", "http://h/a/b"), ("http://h/?url=http://i/?z", "/b", "http://h/b?url=http://i/?z"),
    ])
  func joined(base: String, path: String, url: String) {
    #expect(HTTPRequest(HTTPEndpoint(base), path: path).url == url)
  }

  @Test(
    "a URL is shown without user, password, fragment and the values of parameters",
    arguments: [
      ("http://u:p@h:1/a?x=1&y=2#f", "http://h:1/a?x=…&y=…"), ("http://h", "http://h"), ("http://h#f", "http://h"),
      ("http://h?secret", "http://h?…"), ("http://h?a=b@c", "http://h?a=…"),
      ("http://h?match[]=up&\(String(repeating: "k", count: 41))=1", "http://h?match[]=…&…"),
    ])
  func redacted(url: String, shown: String) {
    #expect(HTTPEndpoint(url).displayName == shown)
  }

  @Test("a remote model's URL may have parameters, with or without /predict", arguments: ["/v1", "/v1/predict"])
  func remoteModel(path: String) async throws {
    let loop = try EventLoop()
    let server = try await FaultServer(on: loop) { _ in .json(#"{"values": [1]}"#) }
    let history = TimeSeries(start: Date(timeIntervalSince1970: 0), step: .seconds(60), values: [1, 2])
    _ = try await withClient { client in
      let model = RemoteModel(endpoint: HTTPEndpoint(server.url + path + "?key=k"), fallback: nil, client: client)
      var session = model.makeSession()
      return try await session.forecast(history, steps: 1, quantiles: [])
    }
    #expect(server.requests.map(\.line) == ["POST /v1/predict?key=k HTTP/1.1"])
    try await server.stop()
    await loop.stop()
  }

  @Test("a generic source and a scraped page are requested with the parameters of their URL")
  func otherSources() async throws {
    let loop = try EventLoop()
    let server = try await FaultServer(on: loop) { request in
      request.line.contains("/json") ? .json(#"{"v": 7}"#) : .json("load 7\n")
    }
    let clock = ManualClock(at: Date(timeIntervalSince1970: 600))
    try await withClient { client in
      let source = try HTTPSource(
        endpoint: HTTPEndpoint(server.url + "/json?from={{start}}&key=k"), valuePath: "v", client: client, clock: clock)
      _ = try await source.samples(in: clock.now..<clock.now + .seconds(1), step: .seconds(60))
      let page = ScrapeSource(
        endpoint: HTTPEndpoint(server.url + "/metrics?format=prometheus"), selector: try ScrapeSelector("load"),
        step: .seconds(60), client: client, clock: clock)
      try await page.scrape()
    }
    #expect(
      server.requests.map(\.line) == [
        "GET /json?from=540&key=k HTTP/1.1", "GET /metrics?format=prometheus HTTP/1.1",
      ])
    try await server.stop()
    await loop.stop()
  }
}
