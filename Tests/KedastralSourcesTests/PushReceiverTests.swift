import Foundation
import KedastralCore
import KedastralTesting
import Synchronization
import TestSupport
import Testing

@testable import KedastralSources

@Suite("Senders and the workloads that receive their points")
struct PushReceiverTests {
  private static let noon = 1_800_000_000.0
  private let clock = ManualClock(at: Date(timeIntervalSince1970: noon))
  private let metrics = MetricsRegistry()
  private let log = RefusalLines()
  private let inbox: PushInbox
  private let receiver: PushReceiver

  init() {
    inbox = PushInbox(clock: clock)
    var limits = PushLimits()
    limits.bodyBytes = 1_000
    limits.points = 10
    receiver = PushReceiver(inbox, limits: limits, clock: clock, metrics: metrics, logger: log.logger)
  }

  private func source(
    _ origin: PushProtocol, _ attributes: [String: String] = [:], metric: String = "m", isCount: Bool? = nil
  ) -> PushSource {
    PushSource(
      PushSelector(origin, metric: metric, attributes: attributes, isCount: isCount), of: inbox, step: .seconds(60),
      capacity: 100, clock: clock)
  }

  /// Receives while `body` runs.
  private func receiving(_ sources: PushSource..., body: () async throws -> Void) async throws {
    let tasks = sources.map { source in Task { try? await source.run() } }
    try await eventually("all sources to be followed") { sources.allSatisfy { $0.isFollowed } }
    let outcome: Result<Void, any Error>
    do {
      try await body()
      outcome = .success(())
    } catch { outcome = .failure(error) }
    for task in tasks {
      task.cancel()
      await task.value
    }
    try outcome.get()
  }

  private func otlp(
    _ body: [UInt8], type: String? = "application/x-protobuf", encoding: String? = nil
  ) -> PushReceiver.Reply {
    receiver.answer(PushReceiver.Message(contentType: type, contentEncoding: encoding, body: body), from: .otlp)
  }

  private func write(
    _ body: [UInt8], type: String? = "application/x-protobuf", encoding: String? = "snappy", version: String? = "0.1.0"
  ) -> PushReceiver.Reply {
    receiver.answer(
      PushReceiver.Message(contentType: type, contentEncoding: encoding, version: version, body: body),
      from: .remoteWrite)
  }

  /// A request with one level, some seconds after noon.
  private func level(
    _ value: Double, at second: Double = 0, _ attributes: [String: String] = [:], metric: String = "m"
  ) -> [UInt8] {
    WireMessage.otlp(metric, kind: 5, of: attributes) { $0.point(1, value, at: Self.noon + second) }
  }

  /// The load of the steps up to now.
  private func loads(_ source: PushSource, steps: Int) async throws -> [Double] {
    let now = clock.now
    return try await source.samples(
      in: (now - .seconds(60 * steps) + .seconds(1))..<(now + .seconds(1)), step: .seconds(60)
    )
    .values
  }

  /// Compares the load of the last steps.
  private func expect(
    _ source: PushSource, _ expected: [Double], _ place: SourceLocation = #_sourceLocation
  ) async throws {
    let found = try await loads(source, steps: expected.count)
    #expect("\(found)" == "\(expected)", sourceLocation: place)
  }

  private func count(_ name: String, _ labels: String...) -> Double? {
    metrics.all.first { $0.name == name }?.all.first { $0.labelValues == labels }?.value
  }

  @Test("each workload receives the points with its attributes, whatever else these have")
  func attributes() async throws {
    let (shop, blog, all) = (source(.otlp, ["app": "shop"]), source(.otlp, ["app": "blog"]), source(.otlp))
    try await receiving(shop, blog, all) {
      #expect(otlp(level(5, ["app": "shop", "pod": "1"])).status == 200)
      #expect(otlp(level(7, ["app": "shop", "pod": "2"])).status == 200)
      #expect(otlp(level(9, ["app": "blog"])).status == 200)
      #expect(otlp(level(1, ["app": "blog"], metric: "other")).status == 200)
      try await expect(shop, [12])
      try await expect(blog, [9])
      try await expect(all, [21])
      #expect(count("kedastral_received_samples_total", "otlp") == 3)
      #expect(count("kedastral_unselected_samples_total", "otlp") == 1)
    }
    #expect(!inbox.isUsed(.otlp))
  }

  @Test("answers 404 for a protocol that no workload receives, and reads no body for it")
  func unused() async throws {
    #expect(receiver.bodyLimit(.otlp) == nil)
    #expect(otlp(level(5)).status == 404)
    try await receiving(source(.otlp)) {
      #expect(receiver.bodyLimit(.otlp) == 1_000 && receiver.bodyLimit(.remoteWrite) == nil)
      #expect(write([]).status == 404)
    }
  }

  @Test("answers as OTLP says, in the encoding of the request")
  func responses() async throws {
    try await receiving(source(.otlp)) {
      #expect(otlp(level(5)) == PushReceiver.Reply(status: 200, contentType: "application/x-protobuf", body: []))
      let json = "application/json; charset=utf-8"
      #expect(otlp(Array("{}".utf8), type: json).body == Array("{}".utf8))
      // Part of the points: the count, and why.
      let partial = otlp(level(5, at: 100))
      var expected = WireMessage()
      expected.message(1) {
        $0.number(1, 1)
        $0.text(2, "1 refused: the time is missing, or more than a minute ahead of the receiver's")
      }
      #expect(partial.status == 200 && partial.body == expected.bytes)
      let document = """
        {"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"m","gauge":{"dataPoints":[{"asInt":"1"}]}}]}]}]}
        """
      #expect(
        String(decoding: otlp(Array(document.utf8), type: json).body, as: UTF8.self) == """
          {"partialSuccess":{"errorMessage":"1 refused: the time is missing, or more than a minute ahead of the receiver's","rejectedDataPoints":"1"}}
          """)
      // A request that cannot be read is answered by a Status message.
      var status = WireMessage()
      status.text(2, "the body is not a protobuf message of type ExportMetricsServiceRequest")
      let broken = otlp(Array("nonsense".utf8))
      #expect(broken.status == 400 && broken.contentType == "application/x-protobuf" && broken.body == status.bytes)
      let text = otlp(Array("nonsense".utf8), type: json)
      #expect(
        text.status == 400 && String(decoding: text.body, as: UTF8.self).hasPrefix(#"{"message":"the body is not"#))
    }
  }

  @Test("answers a repeated request as the first, and counts its points once")
  func repeated() async throws {
    let shop = source(.otlp)
    try await receiving(shop) {
      for _ in 0..<3 { #expect(otlp(level(5)).body == []) }
      try await expect(shop, [5])
      #expect(count("kedastral_rejected_samples_total", "otlp", "duplicate") == 2)
    }
  }

  @Test("refuses other content types and encodings with 415, and names what it expects")
  func types() async throws {
    try await receiving(source(.otlp), source(.remoteWrite)) {
      for type in [nil, "text/plain", "application/json+x"] {
        let reply = otlp(level(5), type: type)
        #expect(reply.status == 415)
        #expect(String(decoding: reply.body, as: UTF8.self).contains("application/x-protobuf"))
      }
      #expect(otlp(level(5), encoding: "zstd").status == 415)
      let body = snappy(WireMessage.remoteWrite([("__name__", "m")], [(5, Self.noon)]))
      #expect(write(body).status == 204)
      #expect(write(body, version: nil).status == 204)
      for reply in [
        write(body, type: "application/json"), write(body, encoding: "gzip"), write(body, encoding: nil),
        write(body, version: "2.0.0"), write(body, type: "application/x-protobuf;proto=io.prometheus.write.v2.Request"),
      ] {
        #expect(reply.status == 415 && reply.body.last == 0x0A && reply.body.count(where: { $0 == 0x0A }) == 1)
      }
    }
  }

  @Test("unpacks gzip, and refuses what is larger than the limit after it with 413")
  func gzip() async throws {
    let shop = source(.otlp)
    let folder = try TemporaryFolder()
    func packed(_ body: [UInt8]) async throws -> [UInt8] {
      let file = folder.url.appendingPathComponent("body")
      try Data(body).write(to: file)
      _ = try await ChildProcess("gzip", "--force", file.path).waitForExit()
      return Array(try Data(contentsOf: file.appendingPathExtension("gz")))
    }
    let (small, large) = (try await packed(level(5)), try await packed(Array(repeating: 0, count: 100_000)))
    try await receiving(shop) {
      #expect(otlp(small, encoding: "gzip").status == 200)
      try await expect(shop, [5])
      #expect(otlp(large, encoding: "gzip").status == 413)
      #expect(otlp(Array(small.dropLast(3)), encoding: "gzip").status == 400)
      #expect(otlp(level(5), encoding: "gzip").status == 400)
    }
  }

  @Test("reads a counter of remote write as its growth per second, by its name or its setting")
  func rate() async throws {
    let (named, set, gauge) = (
      source(.remoteWrite, ["app": "shop"], metric: "requests_total"),
      source(.remoteWrite, metric: "served", isCount: true),
      source(.remoteWrite, metric: "waiting")
    )
    try await receiving(named, set, gauge) {
      for name in ["requests_total", "served", "waiting"] {
        let samples = [(100.0, Self.noon - 60), (700, Self.noon)]
        #expect(write(snappy(WireMessage.remoteWrite([("__name__", name), ("app", "shop")], samples))).status == 204)
      }
      try await expect(named, [10])
      try await expect(set, [10])
      try await expect(gauge, [700])
    }
  }

  @Test("ends a series of remote write at its stale marker")
  func stale() async throws {
    let shop = source(.remoteWrite)
    let marker = Double(bitPattern: 0x7ff0_0000_0000_0002)
    try await receiving(shop) {
      for (pod, values) in [("a", [3.0, 3, 3]), ("b", [4, 4, marker])] {
        let samples = zip(values, [-120.0, -60, 0]).map { ($0, Self.noon + $1) }
        #expect(write(snappy(WireMessage.remoteWrite([("__name__", "m"), ("pod", pod)], samples))).status == 204)
      }
      try await expect(shop, [7, 7, 3])
    }
  }

  @Test("a request with too many points changes nothing")
  func points() async throws {
    let shop = source(.otlp)
    try await receiving(shop) {
      let body = WireMessage.otlp("m", kind: 5) {
        for second in 0...10 { $0.point(1, 1, at: Self.noon - Double(second)) }
      }
      #expect(otlp(body).status == 413)
      try await expect(shop, [.nan])
    }
  }

  @Test(
    "without a point for three minutes there is an error that says what to check; afterwards only samples are missing")
  func silence() async throws {
    let shop = source(.otlp, ["app": "shop"])
    try await receiving(shop) {
      try await expect(shop, [.nan])
      clock.advance(by: .seconds(181))
      let error = await #expect(throws: SourceError.self) { try await loads(shop, steps: 1) }
      #expect(error?.description.contains("/v1/metrics") == true && error?.description.contains("app=\"shop\"") == true)
      #expect(otlp(level(5, at: 181, ["app": "shop"])).status == 200)
      clock.advance(by: .seconds(599))
      try await expect(shop, [.nan])
    }
    await #expect(throws: SourceError.self) {
      try await shop.samples(in: clock.now..<(clock.now + .seconds(60)), step: .seconds(30))
    }
  }

  @Test("logs one line when points are refused, and one when none were for five minutes")
  func refusals() async throws {
    try await receiving(source(.otlp)) {
      for _ in 0..<3 { _ = otlp(Array("nonsense".utf8)) }
      _ = otlp(level(5))
      _ = otlp(level(5, at: 100))
      #expect(log.messages == ["pushed points are refused"])
      clock.advance(by: .seconds(301))
      _ = otlp(level(5, at: 300))
      _ = otlp(level(5, at: 301))
      #expect(log.messages == ["pushed points are refused", "pushed points are accepted again"])
    }
  }

  @Test("the history of another metric, attribute or reading is another one")
  func identity() {
    let identities = [
      source(.otlp), source(.remoteWrite), source(.otlp, metric: "n"), source(.otlp, ["app": "shop"]),
      source(.otlp, ["app": "blog"]), source(.remoteWrite, isCount: true),
    ].map(\.loadIdentity)
    #expect(Set(identities).count == identities.count)
    #expect(source(.otlp, ["a": "1", "b": "2"]).loadIdentity == source(.otlp, ["b": "2", "a": "1"]).loadIdentity)
    #expect(!source(.otlp).hasPast)
  }

  @Test("hands 2,000 workloads with different attributes their points of one request")
  func manyWorkloads() async throws {
    let sources = (0..<2_000).map { source(.otlp, ["app": "\($0)"]) }
    let tasks = sources.map { source in Task { try? await source.run() } }
    try await eventually("all to be followed") { sources.allSatisfy(\.isFollowed) }
    var batch = PushBatch(limit: 10_000)
    for app in 0..<2_000 {
      try batch.add(
        PushedPoint(
          metric: "m", attributes: ["app": "\(app)"], instant: Self.noon, value: Double(app), meaning: .level))
    }
    #expect(inbox.receive(batch, from: .otlp).received == 2_000)
    for (app, source) in sources.enumerated() { try await expect(source, [Double(app)]) }
    for task in tasks { task.cancel() }
  }
}

/// The messages of a log.
private final class RefusalLines: KedastralLogHandler {
  private let lines = Mutex<[String]>([])

  var messages: [String] { lines.withLock { $0 } }
  var logger: KedastralLogger { KedastralLogger(self) }

  func isEnabled(_ level: KedastralLogLevel) -> Bool { true }

  func log(_ level: KedastralLogLevel, _ message: String, _ fields: KeyValuePairs<String, String>) {
    lines.withLock { $0.append(message) }
  }
}
