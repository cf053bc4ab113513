import Foundation
import KedastralCore
import KedastralGRPC
import KedastralNet
import KedastralTesting
import TestSupport
import Testing

@testable import KedastralSources

@Suite("KEDA's raw metrics as a source, on a double of its metrics service")
struct KedaSourceTests {
  private let clock = SystemWallClock()
  private let lag = ScalingTrigger(namespace: "shop", object: "orders", name: "lag")

  /// Waits of milliseconds.
  private var quick: RawMetricsFeed.Limits {
    var limits = RawMetricsFeed.Limits()
    limits.backoff = Backoff(initial: .milliseconds(20), maximum: .milliseconds(100))
    limits.renewal = .milliseconds(100)
    return limits
  }

  private func server(_ port: UInt16, _ tls: TLSContext.Files? = nil) -> RawMetricsFeed.Server {
    RawMetricsFeed.Server(.network(host: "127.0.0.1", port: port), tls: tls, timeout: .seconds(5))
  }

  /// A feed on an event loop of its own.
  private func withFeed(
    _ server: RawMetricsFeed.Server, _ limits: RawMetricsFeed.Limits? = nil,
    _ body: (RawMetricsFeed) async throws -> Void
  ) async throws {
    let loop = try EventLoop()
    let outcome: Result<Void, any Error>
    do {
      try await body(
        RawMetricsFeed(server, limits: limits ?? quick, on: loop, clock: clock, logger: .silent))
      outcome = .success(())
    } catch { outcome = .failure(error) }
    await loop.stop()
    try outcome.get()
  }

  /// A source that receives while `body` runs.
  private func receiving(
    _ trigger: ScalingTrigger, of feed: RawMetricsFeed, _ body: (KedaSource) async throws -> Void
  ) async throws {
    // No test runs into the next step, in 2033.
    let source = KedaSource(trigger, of: feed, step: .seconds(1_000_000_000), capacity: 100, clock: clock)
    let task = Task { try? await source.run() }
    let outcome: Result<Void, any Error>
    do {
      try await body(source)
      outcome = .success(())
    } catch { outcome = .failure(error) }
    task.cancel()
    await task.value
    try outcome.get()
  }

  /// The mean of the current step, which a request cannot see before the step has ended.
  private func current(_ source: KedaSource) -> Double? { source.received.last }

  // MARK: Values

  @Test("receives the values of a trigger, whose mean is the load of the step")
  func values() async throws {
    let keda = try await KedaMetricsDouble()
    defer { keda.stop() }
    try await withFeed(server(keda.port)) { feed in
      try await receiving(lag, of: feed) { source in
        try await eventually("the subscription") { keda.count("subscribed shop orders lag") == 1 }
        for value in [10, 20, 60] { try keda.order("value shop orders lag \(value)") }
        try keda.order("value shop orders other 1e6")
        try await eventually("the mean") { current(source) == 30 }
        #expect(feed.failure == nil)
      }
      try await eventually("the end of the stream") { keda.count("closed") == 1 }
    }
  }

  @Test("workloads with triggers at one address share a stream, and leave the others their values")
  func sharing() async throws {
    let keda = try await KedaMetricsDouble()
    defer { keda.stop() }
    let queue = ScalingTrigger(namespace: "shop", object: "orders", name: "queue")
    try await withFeed(server(keda.port)) { feed in
      try await receiving(lag, of: feed) { first in
        try await receiving(lag, of: feed) { second in
          try await receiving(queue, of: feed) { third in
            try await eventually("the subscriptions") { keda.count("subscribed") >= 2 }
            try keda.order("value shop orders lag 5")
            try keda.order("value shop orders queue 7")
            try await eventually("the values") {
              current(first) == 5 && current(second) == 5 && current(third) == 7
            }
          }
          try await eventually("the end of a subscription") { keda.count("unsubscribed shop orders queue") == 1 }
          try keda.order("value shop orders lag 15")
          try await eventually("the next value") { current(first) == 10 && current(second) == 10 }
        }
      }
      #expect(keda.count("stream") == 1)
    }
  }

  // MARK: Interruptions

  @Test("reconnects after the server has ended the stream, and loses no value that waited meanwhile")
  func streamEnds() async throws {
    let keda = try await KedaMetricsDouble()
    defer { keda.stop() }
    try await withFeed(server(keda.port)) { feed in
      try await receiving(lag, of: feed) { source in
        try await eventually("the subscription") { keda.count("subscribed") == 1 }
        try keda.order("value shop orders lag 10")
        try await eventually("the first value") { current(source) == 10 }
        try keda.order("end")
        try keda.order("value shop orders lag 20")
        try keda.order("value shop orders lag 30")
        try await eventually("the values since") { current(source) == 20 }
        #expect(keda.count("stream") == 2)
        try await eventually("the connection") { feed.failure == nil }
      }
    }
  }

  @Test("subscribes again at a server that was restarted and has forgotten everything")
  func restart() async throws {
    let first = try await KedaMetricsDouble()
    try await withFeed(server(first.port)) { feed in
      try await receiving(lag, of: feed) { source in
        try await eventually("the subscription") { first.count("subscribed") == 1 }
        try first.order("value shop orders lag 10")
        try await eventually("the first value") { current(source) == 10 }
        first.stop()
        try await eventually("the failure") { feed.failure != nil }
        let second = try await KedaMetricsDouble(port: first.port)
        defer { second.stop() }
        try await eventually("the subscription at the new server") { second.count("subscribed shop orders lag") == 1 }
        try second.order("value shop orders lag 30")
        try await eventually("the next value") { current(source) == 20 && feed.failure == nil }
      }
    }
  }

  @Test("subscribes again when the server has dropped the subscriptions without ending the stream")
  func forgotten() async throws {
    let keda = try await KedaMetricsDouble()
    defer { keda.stop() }
    try await withFeed(server(keda.port)) { feed in
      try await receiving(lag, of: feed) { source in
        try await eventually("the subscription") { keda.count("subscribed") == 1 }
        try keda.order("forget")
        try await eventually("the new subscription") { keda.count("subscribed") == 2 }
        try keda.order("value shop orders lag 4")
        try await eventually("the value") { current(source) == 4 }
        #expect(keda.count("stream") == 1)
      }
    }
  }

  @Test("opens the stream again when it has been silent for too long")
  func silence() async throws {
    let keda = try await KedaMetricsDouble()
    defer { keda.stop() }
    var limits = quick
    limits.silence = .milliseconds(300)
    try await withFeed(server(keda.port), limits) { feed in
      try await receiving(lag, of: feed) { source in
        try await eventually("the subscription") { keda.count("subscribed") == 1 }
        try keda.order("value shop orders lag 4")
        try await eventually("another stream") { keda.count("stream") >= 2 }
        #expect(current(source) == 4)
      }
    }
  }

  @Test("a server that answers no call is given up after the time limit, and the error names the call")
  func hanging() async throws {
    let keda = try await KedaMetricsDouble()
    defer { keda.stop() }
    try keda.order("hang")
    var server = server(keda.port)
    server.timeout = .seconds(1)
    try await withFeed(server) { feed in
      try await receiving(lag, of: feed) { source in
        try await eventually("the failure") { feed.failure != nil }
        let error = await #expect(throws: SourceError.self) { try await source.latest() }
        let call =
          "127.0.0.1:\(keda.port): trigger 'lag' of ScaledObject shop/orders: SubscribeMetric: DEADLINE_EXCEEDED: no "
        #expect(error?.description.hasPrefix(call) == true, "\(error?.description ?? "")")
        #expect(error?.isOutage == true)
      }
    }
  }

  // MARK: Refusals

  @Test("a server without raw metrics is named with the version that has them")
  func oldServer() async throws {
    let keda = try await KedaMetricsDouble()
    defer { keda.stop() }
    try keda.order("fail UNIMPLEMENTED")
    try await withFeed(server(keda.port)) { feed in
      try await receiving(lag, of: feed) { _ in
        try await eventually("the failure") { feed.failure != nil }
        #expect(
          feed.failure
            == "SubscribeMetric: UNIMPLEMENTED: as ordered; KEDA streams raw metrics from version 2.19 on")
      }
    }
  }

  @Test("a refused subscription is the failure of its workload alone")
  func refused() async throws {
    let keda = try await KedaMetricsDouble()
    defer { keda.stop() }
    try await withFeed(server(keda.port)) { feed in
      try await receiving(lag, of: feed) { first in
        try await eventually("the subscription") { keda.count("subscribed") == 1 }
        try keda.order("fail INVALID_ARGUMENT")
        let bad = ScalingTrigger(namespace: "shop", object: "bad", name: "lag")
        try await receiving(bad, of: feed) { second in
          try await eventually("the refusal") { (try? await second.latest()) == nil }
          let error = await #expect(throws: SourceError.self) { try await second.latest() }
          #expect(error?.problem == "SubscribeMetric: INVALID_ARGUMENT: as ordered")
          _ = try await first.latest()
          #expect(feed.failure == nil)
        }
      }
      #expect(keda.count("stream") == 1)
    }
  }

  @Test("an unknown trigger, of which KEDA sends nothing, is an error that names the causes")
  func unknownTrigger() async throws {
    let keda = try await KedaMetricsDouble()
    defer { keda.stop() }
    try await withFeed(server(keda.port)) { feed in
      let unknown = ScalingTrigger(namespace: "shop", object: "orders", name: "nothing")
      let clock = ManualClock(at: Date(timeIntervalSince1970: 1_800_000_000))
      let source = KedaSource(unknown, of: feed, step: .seconds(60), capacity: 100, clock: clock)
      let task = Task { try? await source.run() }
      try await eventually("the subscription") { keda.count("subscribed shop orders nothing") == 1 }
      let remark = try await KedaSource(unknown, of: feed, step: .seconds(60), capacity: 100, clock: self.clock)
        .probe(within: .seconds(4))
      #expect(
        remark
          == "trigger 'nothing' of ScaledObject shop/orders: subscribed, but no value within 4s; KEDA sends one per pollingInterval (30s unless set) if the ScaledObject and its trigger exist and KEDA's operator has RAW_METRICS_GRPC_PROTOCOL=enabled"
      )
      task.cancel()
      await task.value
    }
  }

  // MARK: TLS

  private func files(_ certificates: TestCertificates, authority: String? = nil) -> TLSContext.Files {
    TLSContext.Files(
      certificate: certificates.client, key: certificates.clientKey,
      authorities: authority ?? certificates.authority)
  }

  @Test("values come over mutual TLS")
  func mutualTLS() async throws {
    let certificates = try await TestCertificates()
    let keda = try await KedaMetricsDouble(certificates)
    defer { keda.stop() }
    try await withFeed(server(keda.port, files(certificates))) { feed in
      try await receiving(lag, of: feed) { source in
        try await eventually("the subscription") { keda.count("subscribed") == 1 }
        try keda.order("value shop orders lag 4")
        try await eventually("the value") { current(source) == 4 }
      }
    }
  }

  @Test("values come over mutual TLS with certificates as text, and an error does not show the key")
  func texts() async throws {
    let certificates = try await TestCertificates()
    func bytes(_ path: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(filePath: path))) }
    var texts = TLSContext.Files()
    texts.texts.certificate = try bytes(certificates.client)
    texts.texts.key = try bytes(certificates.clientKey)
    texts.texts.authorities = try bytes(certificates.authority)
    let keda = try await KedaMetricsDouble(certificates)
    defer { keda.stop() }
    try await withFeed(server(keda.port, texts)) { feed in
      try await receiving(lag, of: feed) { source in
        try await eventually("the subscription") { keda.count("subscribed") == 1 }
        try keda.order("value shop orders lag 4")
        try await eventually("the value") { current(source) == 4 }
      }
    }
    texts.texts.key = try bytes(certificates.serverKey)
    #expect {
      _ = try TLSContext(.client, files: texts)
    } throws: {
      "\($0)".hasPrefix("TLS: the key: ") && !"\($0)".contains("BEGIN")
    }
    #expect(!"\(texts)".contains("BEGIN") && "\(texts)".contains("PEM texts"))
  }

  @Test("a foreign authority, a certificate of another server and a missing client certificate are errors in one line")
  func wrongCertificates() async throws {
    let certificates = try await TestCertificates()
    let foreign = files(certificates, authority: certificates.foreignAuthority)
    let anonymous = TLSContext.Files(authorities: certificates.authority)
    for (files, certificate) in [
      (foreign, certificates.server), (files(certificates), certificates.elsewhere), (anonymous, certificates.server),
      (nil, certificates.server),
    ] {
      let keda = try await KedaMetricsDouble(certificates, certificate: certificate)
      defer { keda.stop() }
      try await withFeed(server(keda.port, files)) { feed in
        try await receiving(lag, of: feed) { source in
          try await eventually("the failure") { feed.failure != nil }
          let error = await #expect(throws: SourceError.self) { try await source.latest() }
          let text = try #require(error?.description)
          #expect(text.hasPrefix("127.0.0.1:\(keda.port): trigger 'lag' of ScaledObject shop/orders: "), "\(text)")
          #expect(text.contains("UNAVAILABLE") && !text.contains("\n"), "\(text)")
          #expect(keda.count("stream") == 0)
        }
      }
    }
  }

  @Test("renewed certificate files are used from the next connection on")
  func renewedCertificates() async throws {
    let certificates = try await TestCertificates()
    let folder = try TemporaryFolder()
    func text(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }
    let authority = try folder.write(try text(certificates.foreignAuthority), to: "ca.crt")
    let keda = try await KedaMetricsDouble(certificates)
    defer { keda.stop() }
    try await withFeed(server(keda.port, files(certificates, authority: authority))) { feed in
      try await receiving(lag, of: feed) { _ in
        try await eventually("the failure") { feed.failure != nil }
        _ = try folder.write(try text(certificates.authority), to: "ca.crt")
        try await eventually("the subscription") { keda.count("subscribed") == 1 }
      }
    }
  }

  // MARK: Hostile messages

  @Test(
    "a message that is invalid ends the stream with an error, and the next one is read",
    arguments: [
      ("ff", "GetRawMetricsStream: INTERNAL: the response is not a protobuf message of type api.RawMetricsResponse"),
      ("0a051a030a01ff", "GetRawMetricsStream: INTERNAL: a text of RawMetricsResponse is not UTF-8"),
    ])
  func hostile(_ bytes: String, _ problem: String) async throws {
    let keda = try await KedaMetricsDouble()
    defer { keda.stop() }
    var limits = quick
    limits.backoff = Backoff(initial: .milliseconds(400), maximum: .milliseconds(400))
    try await withFeed(server(keda.port), limits) { feed in
      try await receiving(lag, of: feed) { source in
        try await eventually("the subscription") { keda.count("subscribed") == 1 }
        try keda.order("raw \(bytes)")
        try await eventually("the failure") { feed.failure == problem }
        try await eventually("the end of the stream") { keda.count("closed") == 1 }
        try keda.order("value shop orders lag 4")
        try await eventually("the value") { current(source) == 4 }
      }
    }
  }

  @Test("a message over the limit is refused before it is read")
  func tooLong() async throws {
    let keda = try await KedaMetricsDouble()
    defer { keda.stop() }
    var limits = quick
    limits.messageBytes = 1_000
    limits.backoff = Backoff(initial: .milliseconds(400), maximum: .milliseconds(400))
    try await withFeed(server(keda.port), limits) { feed in
      try await receiving(lag, of: feed) { _ in
        try await eventually("the subscription") { keda.count("subscribed") == 1 }
        try keda.order("raw " + String(repeating: "0a00", count: 600))
        try await eventually("the failure") {
          feed.failure == "GetRawMetricsStream: RESOURCE_EXHAUSTED: a message of 1200 bytes is over the limit of 1000"
        }
      }
    }
  }

  @Test("empty messages, values that are not numbers, and values of other triggers change nothing")
  func strange() async throws {
    let keda = try await KedaMetricsDouble()
    defer { keda.stop() }
    try await withFeed(server(keda.port)) { feed in
      try await receiving(lag, of: feed) { source in
        try await eventually("the subscription") { keda.count("subscribed") == 1 }
        try keda.order("raw")
        try keda.order("raw 0a00")
        for value in ["nan", "inf", "-inf"] { try keda.order("value shop orders lag \(value)") }
        try keda.order("value shop orders lag 4")
        try await eventually("the value") { current(source) == 4 }
        #expect(source.received.count == 1)
        #expect(keda.count("stream") == 1)
      }
    }
  }
}

extension KedaSource {
  /// The newest step.
  fileprivate func latest() async throws -> TimeSeries {
    let now = SystemWallClock().now
    return try await samples(in: (now - step * 2)..<now, step: step)
  }
}
