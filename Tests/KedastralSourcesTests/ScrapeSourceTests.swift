import Foundation
import KedastralCore
import KedastralNet
import KedastralTesting
import Synchronization
import TestSupport
import Testing

@testable import KedastralSources

@Suite("Scrape source")
struct ScrapeSourceTests {
  private let start = Date(timeIntervalSince1970: 1_767_225_600)
  private let minute = Duration.seconds(60)

  /// An application whose `/metrics` a test changes, and a source that scrapes it under a clock that the test moves.
  private func withApplication(
    _ selector: String, seed: TimeSeries? = nil,
    _ body: (_ metrics: Metrics, _ source: ScrapeSource, _ clock: ManualClock) async throws -> Void
  ) async throws {
    let metrics = Metrics()
    let loop = try EventLoop()
    let server = try await FaultServer(on: loop) { _ in metrics.answer }
    let clock = ManualClock(at: start)
    try await withClient { client in
      let source = ScrapeSource(
        endpoint: HTTPEndpoint(server.url + "/metrics"), selector: try ScrapeSelector(selector), step: minute,
        interval: .seconds(15), seed: seed, client: client, clock: clock)
      try await body(metrics, source, clock)
    }
    try await server.stop()
    await loop.stop()
  }

  private final class Metrics: Sendable {
    private let current = Mutex<FaultServer.Answer>(.json(""))
    var answer: FaultServer.Answer { current.withLock { $0 } }
    func set(_ text: String) { current.withLock { $0 = .json(text) } }
    func fail() { current.withLock { $0 = .json("overloaded", status: 503) } }
  }

  private func values(_ source: ScrapeSource, minutes: Int) async throws -> [Double] {
    try await source.samples(in: start..<start + .seconds(minutes * 60), step: minute).values
      .map { $0.isNaN ? -1 : ($0 * 1e6).rounded() / 1e6 }
  }

  @Test("a counter becomes its growth per second, over all series that match")
  func counter() async throws {
    try await withApplication(#"hits_total{code!="500"}"#) { metrics, source, clock in
      for tick in 0...9 {
        metrics.set(
          """
          # HELP hits_total Hits.
          # TYPE hits_total counter
          hits_total{path="/a",code="200"} \(tick * 150)
          hits_total{path="/b \\"x\\"",code="200"} \(1000 + tick * 15) 1395066363000
          hits_total{path="/a",code="500"} \(tick * 1_000_000)
          hits_total_other 3
          """)
        try await source.scrape()
        clock.advance(by: .seconds(15))
      }
      // 165 hits in 15 s; the first step ends at minute 1, the third has not ended.
      #expect(try await values(source, minutes: 4) == [-1, 11, 11, -1])
    }
  }

  @Test("a reset counter continues from zero, and a new series does not cause a jump")
  func reset() async throws {
    try await withApplication("hits_total") { metrics, source, clock in
      for count in [500, 560, 620, 30, 90] {
        let young = count == 90 ? "hits_total{a=\"new\"} 1e9\n" : ""
        metrics.set("hits_total \(count)\n" + young)
        try await source.scrape()
        clock.advance(by: .seconds(15))
      }
      #expect(try await values(source, minutes: 2) == [-1, 3.5])
    }
  }

  @Test("scraping continues after a clock that was one hour ahead is corrected")
  func clockSetBack() async throws {
    try await withApplication("hits_total") { metrics, source, clock in
      clock.advance(by: .seconds(3600))
      metrics.set("hits_total 0\n")
      try await source.scrape()
      clock.advance(by: .seconds(-3600))
      for count in [500, 560, 620, 680, 740] {
        metrics.set("hits_total \(count)\n")
        try await source.scrape()
        clock.advance(by: .seconds(15))
      }
      #expect(try await values(source, minutes: 2) == [-1, 4])
    }
  }

  @Test("a gauge is used unchanged")
  func gauge() async throws {
    try await withApplication(#"queue{name="mail"}"#) { metrics, source, clock in
      for depth in [100, 1, 2, 3, 4] {
        metrics.set("# TYPE queue gauge\nqueue{name=\"mail\"} \(depth)\nqueue{name=\"other\"} 50\n")
        try await source.scrape()
        clock.advance(by: .seconds(15))
      }
      #expect(try await values(source, minutes: 2) == [-1, 2.5])
    }
  }

  @Test("a step with too few scrapes is missing, and a short outage is not an error")
  func outage() async throws {
    try await withApplication("up") { metrics, source, clock in
      metrics.set("up 1")
      for _ in 0..<5 {
        try await source.scrape()
        clock.advance(by: .seconds(15))
      }
      metrics.fail()
      let error = await #expect(throws: SourceError.self) { try await source.scrape() }
      #expect(error?.description == "\(source.endpoint.url): metric up: HTTP 503: overloaded")
      #expect(try await values(source, minutes: 2) == [-1, 1])
      clock.advance(by: .seconds(300))
      await #expect(throws: SourceError.self) { try await values(source, minutes: 2) }
      metrics.set("up 1")
      for _ in 0..<6 {
        try await source.scrape()
        clock.advance(by: .seconds(15))
      }
      #expect(try await values(source, minutes: 9) == [-1, 1, -1, -1, -1, -1, -1, 1, -1])
    }
  }

  @Test("the seed is the load before the first scrape")
  func seed() async throws {
    let seed = TimeSeries(start: start, step: minute, values: [5, 6, 7])
    try await withApplication("up", seed: seed) { metrics, source, clock in
      #expect(try await values(source, minutes: 4) == [5, 6, 7, -1])
      clock.advance(by: .seconds(180))
      metrics.set("up 1")
      for _ in 0..<5 {
        try await source.scrape()
        clock.advance(by: .seconds(15))
      }
      #expect(try await values(source, minutes: 5) == [5, 6, 7, -1, 1])
    }
  }

  @Test("it scrapes at its interval until it is cancelled")
  func run() async throws {
    try await withApplication("up") { metrics, source, clock in
      metrics.set("up 4")
      let task = Task { try await source.run() }
      for _ in 0..<6 {
        await clock.waitForSleepers(1)
        clock.advance(by: .seconds(15))
      }
      try await eventually("a minute of load") { try await values(source, minutes: 2) == [-1, 4] }
      task.cancel()
      await #expect(throws: CancellationError.self) { try await task.value }
    }
  }

  @Test("reports a response without the metric, or that is not an exposition, with its beginning")
  func noMatch() async throws {
    try await withApplication("up") { metrics, source, _ in
      metrics.set("<html>Log in</html>")
      let error = await #expect(throws: SourceError.self) { try await source.scrape() }
      #expect(error?.problem == "no sample matches; the response begins: a web page: Log in")
      metrics.set("up{a=\"b} 1")
      let broken = await #expect(throws: SourceError.self) { try await source.scrape() }
      #expect(broken?.problem == "the response is not in Prometheus's text format: unterminated label value")
      metrics.set("up many")
      let text = await #expect(throws: SourceError.self) { try await source.scrape() }
      #expect(text?.problem == "the response is not in Prometheus's text format: 'many' is not a valid sample value")
      await #expect(throws: SourceError.self) { try await values(source, minutes: 1) }
    }
  }

  @Test("rejects a step other than its own")
  func otherStep() async throws {
    try await withApplication("up") { _, source, _ in
      let error = await #expect(throws: SourceError.self) {
        try await source.samples(in: start..<start + minute, step: .seconds(30))
      }
      #expect(error?.problem == "the scrape step is 1m, not 30s")
    }
  }

  @Test("the history is limited")
  func bounded() {
    var history = ScrapeHistory(
      seed: TimeSeries(start: start, step: minute, values: []), capacity: 100, longestInterval: .seconds(240))
    for second in stride(from: 0, to: 86_400, by: 60) {
      if let exposition = try? Exposition(Array("up 1".utf8), selector: ScrapeSelector("up")) {
        history.add(exposition, at: start + .seconds(second))
      }
    }
    #expect((100...112).contains(history.series.count))
    #expect(history.series.values.allSatisfy { $0 == 1 })
  }

  @Test(
    "rejects an invalid selector with an example",
    arguments: ["", "{a=\"b\"}", "up{", "up{a}", "up{a=b}", "up{a=\"b}", "up{a=~\"b\"}", "up{a=\"b\"} x", "a b!"])
  func selectors(text: String) {
    let error = #expect(throws: ScrapeSelector.ParseError.self) { try ScrapeSelector(text) }
    #expect(error?.description.contains("write for instance http_requests_total{app=\"shop\"") == true)
  }
}
