import Foundation
import KedastralCore
import KedastralNet
import KedastralTesting
import Synchronization
import TestSupport
import Testing

import struct KedastralHTTP.ForecastSeries

@testable import KedastralDaemon
@testable import KedastralSources

private let noon = Date(timeIntervalSince1970: 1_800_000_000)

/// A plan whose load is the number of its step, made at an instant.
private func plan(
  _ name: String = "api", at instant: Date = noon, load: Double = 0, steps: Int = 30
) throws -> Snapshot {
  let values = (0..<steps).map { load + Double($0) }
  return try Snapshot(
    workload: WorkloadName(name), metric: "rps", generatedAt: instant, step: .seconds(60),
    horizon: .seconds(60 * steps), values: values, desiredReplicas: (0..<steps).map { $0 + 1 },
    quantiles: Quantiles([.init(level: 0.9, values: values.map { $0 * 2 })]))
}

private let tenMinutes = ForecastSeries(ahead: [], quantiles: [0.5, 0.9], write: .seconds(600))

@Suite("Forecasts that a receiver lacks")
struct ForecastBacklogTests {
  @Test("the first plan is written up to the time ahead, on the grid of its step")
  func first() throws {
    var backlog = ForecastBacklog()
    let now = noon + 7.5
    backlog.add(try plan(at: now), tenMinutes)
    let parts = backlog.next(limit: 1000, at: now)
    let part = try #require(parts.first)
    #expect(parts.count == 1 && part.instants == (1...10).map { 1_800_000_000_000 + $0 * 60_000 })
    #expect(
      part.series.map { $0.labels.map(\.value) } == [
        ["kedastral_forecast_load", "api"], ["kedastral_forecast_load", "0.9", "api"],
        ["kedastral_forecast_replicas", "api"],
      ])
    // The time 12:01:00 is in the first step of a plan that was made at 12:00:07.5.
    #expect(part.series[0].samples.map(\.value) == (0...9).map(Double.init))
    #expect(part.series[2].samples.map(\.value) == (1...10).map(Double.init))
    #expect(backlog.next(limit: 1000, at: now).isEmpty)
  }

  @Test("each time is written once, so later plans add what has come near")
  func later() throws {
    var backlog = ForecastBacklog()
    backlog.add(try plan(), tenMinutes)
    backlog.settle(backlog.next(limit: 1000, at: noon))
    backlog.add(try plan(at: noon + 30, load: 100), tenMinutes)
    #expect(backlog.next(limit: 1000, at: noon + 30).isEmpty)
    backlog.add(try plan(at: noon + 60, load: 100), tenMinutes)
    let part = try #require(backlog.next(limit: 1000, at: noon + 60).first)
    #expect(part.instants == [1_800_000_660_000] && part.series[0].samples.map(\.value) == [110])
    // That request failed, and so did all for an hour.
    backlog.add(try plan(at: noon + 3600), tenMinutes)
    #expect(backlog.next(limit: 1000, at: noon + 3600).first?.instants.count == 10)
  }

  @Test("nothing is written behind the end of a plan, or before now")
  func ends() throws {
    var backlog = ForecastBacklog()
    backlog.add(try plan(at: noon - 1500), tenMinutes)
    #expect(backlog.next(limit: 1000, at: noon).first?.instants == (1...4).map { 1_800_000_000_000 + $0 * 60_000 })
    backlog.add(try plan(at: noon - 7200), tenMinutes)
    #expect(backlog.next(limit: 1000, at: noon).isEmpty)
  }

  @Test("requests are limited, and of each workload the newest plan alone waits")
  func limited() throws {
    var backlog = ForecastBacklog()
    for load in 0..<50 {
      for name in 0..<10 { backlog.add(try plan("w\(name)", load: Double(load)), tenMinutes) }
    }
    var sizes: [Int] = []
    while case let parts = backlog.next(limit: 100, at: noon), !parts.isEmpty {
      sizes.append(parts.count)
      #expect(parts.allSatisfy { $0.series[0].samples[0].value == 50 })
      backlog.settle(parts)
    }
    #expect(sizes == [4, 4, 2])
  }
}

/// A receiver that answers as the test says.
private final class Receiver: KedastralLogHandler {
  struct State {
    var answer: @Sendable ([PushedPoint]) -> ForecastWriter.Reception = { _ in .taken }
    var taken: [PushedPoint] = []
    var requests = 0
    var lines: [String] = []
  }
  let state = Mutex(State())
  var taken: [PushedPoint] { state.withLock { $0.taken } }
  var requests: Int { state.withLock { $0.requests } }
  var lines: [String] { state.withLock { $0.lines } }

  func answer(_ answer: @escaping @Sendable ([PushedPoint]) -> ForecastWriter.Reception) {
    state.withLock { $0.answer = answer }
  }

  func receive(_ body: [UInt8]) throws -> ForecastWriter.Reception {
    let message = try Snappy.decompress(body, limit: 1 << 20)
    let points = try RemoteWriteMessage.batch(message, limit: 100_000) { _ in true }.points
    return state.withLock { state in
      state.requests += 1
      let reception = state.answer(points)
      if case .taken = reception { state.taken += points }
      return reception
    }
  }

  func isEnabled(_ level: KedastralLogLevel) -> Bool { true }

  func log(_ level: KedastralLogLevel, _ message: String, _ fields: KeyValuePairs<String, String>) {
    let error = fields.first { $0.key == "error" }?.value
    state.withLock { $0.lines.append(message + (error.map { ": \($0)" } ?? "")) }
  }
}

@Suite("Writing of forecasts")
struct ForecastWriterTests {
  private let clock = ManualClock(at: noon)
  private let metrics = MetricsRegistry()
  private let receiver = Receiver()

  private func writer() -> ForecastWriter {
    ForecastWriter(
      named: "receiver", series: { $0.text == "quiet" ? nil : tenMinutes }, clock: clock, metrics: metrics,
      logger: KedastralLogger(receiver)
    ) { [receiver] in try receiver.receive($0) }
  }

  private func add(_ names: String..., to writer: ForecastWriter) throws {
    for name in names {
      let snapshot = try plan(name, at: clock.now)
      writer.roundEnded(
        ForecastRound(workload: snapshot.workload, endedAt: clock.now, snapshot: snapshot, failure: nil))
    }
  }

  /// Lets the writer look at new plans once.
  private func look(_ writer: ForecastWriter, _ what: String, until isTrue: @Sendable () -> Bool) async throws {
    let running = Task { await writer.run() }
    defer { running.cancel() }
    await clock.waitForSleepers(1)
    clock.advance(by: .seconds(5))
    try await eventually(what) { isTrue() }
  }

  @Test("workloads that are written are in one request, and others are not")
  func writes() async throws {
    let writer = writer()
    try add("a", "b", "quiet", to: writer)
    try await look(writer, "a request") { receiver.requests > 0 }
    #expect(receiver.requests == 1 && receiver.taken.count == 2 * 3 * 10)
    #expect(Set(receiver.taken.compactMap { $0.attributes["workload"] }) == ["a", "b"])
    #expect(MetricsPage.text(metrics).contains(#"kedastral_series_samples_total{result="written"} 60"#))
  }

  @Test("an outage costs one line in the log and requests that become rare, and ends with another line")
  func outage() async throws {
    let writer = writer()
    receiver.answer { _ in .away("HTTP 503: no leader") }
    let running = Task { await writer.run() }
    defer { running.cancel() }
    func pass(_ what: String, until isTrue: () -> Bool) async throws {
      try await eventually(what) {
        try add("a", to: writer)
        clock.advance(by: .seconds(5))
        return isTrue()
      }
    }
    try await pass("ten requests") { receiver.requests >= 10 }
    #expect(clock.now.timeIntervalSince(noon) > 900)
    receiver.answer { _ in .taken }
    try await pass("the end") { receiver.lines.count == 2 }
    #expect(receiver.lines == ["forecasts cannot be written: HTTP 503: no leader", "forecasts are written again"])
    // Only what is ahead now: nothing was kept for later.
    #expect(receiver.taken.allSatisfy { $0.instant > 1_800_000_900 })
  }

  @Test("after a restart the receiver refuses all times but the newest, which is written alone")
  func restart() async throws {
    let writer = writer()
    receiver.answer { points in
      points.contains { $0.instant <= 1_800_000_540 } ? .refused("out of order sample") : .taken
    }
    try add("a", "b", to: writer)
    try await look(writer, "a request") { receiver.taken.count > 0 }
    #expect(receiver.requests == 2 && receiver.taken.count == 6 && receiver.lines.isEmpty)
    #expect(Set(receiver.taken.map(\.instant)) == [1_800_000_600])
  }

  @Test("a workload that the receiver refuses does not hold up the others")
  func refused() async throws {
    let writer = writer()
    receiver.answer { points in
      points.contains { $0.attributes["workload"] == "c" } ? .refused("duplicate sample for timestamp") : .taken
    }
    try add("a", "b", "c", "d", "e", to: writer)
    try await look(writer, "the others") { receiver.taken.count >= 12 }
    #expect(Set(receiver.taken.compactMap { $0.attributes["workload"] }) == ["a", "b", "d", "e"])
    #expect(MetricsPage.text(metrics).contains(#"kedastral_series_samples_total{result="refused"} 3"#))
  }

  @Test("a receiver that refuses everything counts as an outage after some requests")
  func refusesAll() async throws {
    let writer = writer()
    receiver.answer { _ in .refused("HTTP 400: out of bounds") }
    for index in 0..<200 { try add("w\(index)", to: writer) }
    try await look(writer, "the line") { !receiver.lines.isEmpty }
    #expect(receiver.lines == ["forecasts cannot be written: HTTP 400: out of bounds"] && receiver.requests < 40)
  }

  @Test("a real Prometheus takes forecasts, and those of a restarted process")
  func prometheus() async throws {
    let prometheus = try await PrometheusServer(arguments: ["--web.enable-remote-write-receiver"])
    defer { prometheus.stop() }
    let client = try HTTPClient(on: EventLoop())
    let clock = SystemWallClock()
    for process in 0..<2 {
      var settings = ForecastWriter.Settings()
      settings.interval = .milliseconds(20)
      // The second process sees one minute more.
      let reach = ForecastSeries(ahead: [], quantiles: [0.9], write: .seconds(300 + 60 * process))
      let metrics = MetricsRegistry()
      let writer = ForecastWriter(
        to: HTTPEndpoint("\(prometheus.url)/api/v1/write"), client, settings: settings, series: { _ in reach },
        clock: clock, metrics: metrics, logger: KedastralLogger(receiver))
      let snapshot = try plan(at: clock.now, load: 100)
      writer.roundEnded(
        ForecastRound(workload: snapshot.workload, endedAt: clock.now, snapshot: snapshot, failure: nil))
      let running = Task { await writer.run() }
      defer { running.cancel() }
      try await eventually("the samples") {
        MetricsPage.text(metrics).contains(#"kedastral_series_samples_total{result="written"}"#)
      }
    }
    #expect(receiver.lines.isEmpty)
    let end = Int(clock.now.timeIntervalSince1970) + 600
    let answer = try await client.send(
      HTTPRequest(
        HTTPEndpoint(prometheus.url),
        path: "/api/v1/query?query=count_over_time(kedastral_forecast_load%7Blevel=%22%22%7D%5B1h%5D)&time=\(end)"))
    let text = String(decoding: answer.body, as: UTF8.self)
    #expect(text.contains(#""workload":"api""#) && text.contains(#""6"]"#), "\(text)")
  }
}
