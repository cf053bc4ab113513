import Foundation
import TestSupport
import Testing

@Suite("Daemon logs of forecast rounds")
struct DaemonLogTests {
  private static let names = ["api", "web", "worker"]

  private func configuration(_ folder: TemporaryFolder, source: String, more: String = "") throws -> String {
    try folder.write(
      """
      defaults:
        metric: rps
        source: \(source)
        model: baseline
        interval: 1s
        step: 1s
        window: 10m
        horizon: 1m
        policy: {targetPerPod: 1, headroom: 1}
      \(more)
      workloads:
      \(Self.names.map { "  - {name: \($0)}" }.joined(separator: "\n"))
      """, to: "kedastral.yaml")
  }

  private func forecaster(_ file: String, http: UInt16, level: String = "info", _ more: [String] = []) throws -> Daemon
  {
    try Daemon(
      "kedastral-forecaster",
      ["-config", file, "-listen", "127.0.0.1:\(http)", "-log-format", "json", "-log-level", level] + more)
  }

  @Test(
    "logs the first plan of each workload at info, and the following rounds at debug",
    arguments: ["info", "debug"])
  func rounds(level: String) async throws {
    let prometheus = try await PrometheusServer()
    defer { prometheus.stop() }
    let folder = try TemporaryFolder()
    let file = try configuration(folder, source: "{type: prometheus, url: \"\(prometheus.url)\", query: vector(7)}")
    let http = freePort()
    let forecaster = try forecaster(file, http: http, level: level)
    let count = #"kedastral_store_put_seconds_count"#
    try await eventually("ten rounds of each") { await Daemon.metric(http, count) ?? 0 >= 30 }
    let stored = forecaster.lines("stored forecast", at: "info")
    #expect(stored.compactMap { $0["workload"] }.sorted() == Self.names)
    #expect(stored.allSatisfy { $0["replicas"] == "7" })
    let later = forecaster.lines("stored forecast", at: "debug").count
    #expect(level == "debug" ? later >= 20 : later == 0)
    #expect(forecaster.lines("forecast failed").isEmpty)
    if level == "info" {
      #expect(forecaster.log.count < 15, "\(forecaster.process.output)")
    }
    forecaster.process.kill()
  }

  @Test("logs one line for all workloads of an unavailable source, and one with their number when it responds again")
  func source() async throws {
    let port = freePort()
    func prometheus() async throws -> PrometheusServer { try await PrometheusServer(port: port) }
    let first = try await prometheus()
    let folder = try TemporaryFolder()
    let file = try configuration(
      folder, source: "{type: prometheus, url: \"\(first.url)\", query: vector(7)}")
    let http = freePort()
    let forecaster = try forecaster(file, http: http)
    try await eventually("plans") { forecaster.lines("stored forecast").count == 3 }
    var failed = 0.0
    for outage in 1...2 {
      let server = outage == 1 ? first : try await prometheus()
      if outage == 2 {
        try await eventually("the end of the first outage") {
          forecaster.lines("forecast succeeds again", at: "info").count == 1
        }
      }
      server.stop()
      let before = failed
      try await eventually("several failed rounds of each") {
        var counts: [Double] = []
        for name in Self.names {
          counts.append(
            await Daemon.metric(http, #"kedastral_errors_total{workload="\#(name)",stage="collect"}"#) ?? 0)
        }
        failed = counts.reduce(0, +)
        return counts.allSatisfy { $0 >= Double(4 * outage) } && failed >= before + 12
      }
      let lines = forecaster.lines("forecast failed")
      #expect(lines.count == outage, "\(lines)")
      #expect(lines.last?["level"] == "warn" && lines.last?["server"]?.contains("127.0.0.1:\(port)") == true)
    }
    let last = try await prometheus()
    try await eventually("its return") { forecaster.lines("forecast succeeds again", at: "info").count == 2 }
    let ends = forecaster.lines("forecast succeeds again")
    #expect(ends.count == 2)
    #expect(ends.allSatisfy { $0["after"]?.contains("127.0.0.1:\(port)") == true && $0["failedFor"] != nil })
    let counted = ends.compactMap { $0["failedRounds"].flatMap { Double($0) } }
    #expect(counted.reduce(0, +) >= failed, "each failed round is counted: \(counted) of \(failed)")
    #expect(forecaster.lines("stored forecast").count == 3)
    #expect(forecaster.lines("no new samples: the plan follows the forecast").isEmpty)
    last.stop()
    forecaster.process.kill()
  }

  @Test("logs a workload whose query is refused, but not other workloads of the same server")
  func query() async throws {
    let prometheus = try await PrometheusServer()
    defer { prometheus.stop() }
    let folder = try TemporaryFolder()
    let file = try configuration(
      folder, source: "{type: prometheus, url: \"\(prometheus.url)\", query: vector(7)}")
    let text = try String(contentsOfFile: file, encoding: .utf8)
      .replacing("{name: web}", with: "{name: web, source: {query: \"vector(\"}}")
    let http = freePort()
    let forecaster = try forecaster(try folder.write(text, to: "broken.yaml"), http: http)
    try await eventually("several failed rounds") {
      await Daemon.metric(http, #"kedastral_errors_total{workload="web",stage="collect"}"#) ?? 0 >= 3
    }
    let lines = forecaster.lines("forecast failed", at: "warn")
    #expect(lines.count == 1 && lines[0]["workload"] == "web" && lines[0]["server"] == nil, "\(lines)")
    forecaster.process.kill()
  }

  @Test("logs one line for all workloads when the store is unavailable, and one when plans are stored again")
  func store() async throws {
    let redis = try await RedisServer()
    let prometheus = try await PrometheusServer()
    defer { prometheus.stop() }
    let folder = try TemporaryFolder()
    let file = try configuration(folder, source: "{type: prometheus, url: \"\(prometheus.url)\", query: vector(7)}")
    let http = freePort()
    let forecaster = try forecaster(
      file, http: http, ["-storage", "redis", "-redis-addr", "127.0.0.1:\(redis.port)"])
    try await eventually("plans") { forecaster.lines("stored forecast").count == 3 }
    redis.kill()
    try await eventually("failed rounds of each") {
      var counts: [Double] = []
      for name in Self.names {
        counts.append(await Daemon.metric(http, #"kedastral_errors_total{workload="\#(name)",stage="store"}"#) ?? 0)
      }
      return counts.allSatisfy { $0 >= 2 }
    }
    #expect(forecaster.lines("forecast failed").count == 1, "\(forecaster.lines("forecast failed"))")
    #expect(forecaster.lines("forecast failed").first?["server"] == "the store")
    try await redis.restart()
    try await eventually("its return") { !forecaster.lines("forecast succeeds again", at: "info").isEmpty }
    let ends = forecaster.lines("forecast succeeds again")
    #expect(ends.count == 1 && ends[0]["after"] == "the store" && ends[0]["failedRounds"].flatMap { Int($0) } ?? 0 >= 6)
    #expect(forecaster.lines("stored forecast").count == 3)
    forecaster.process.kill()
    redis.kill()
  }
}
