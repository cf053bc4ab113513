import Foundation
import KedastralCore
import KedastralHTTP
import KedastralNet
import TestSupport
import Testing

/// A page with the load of several applications, which a real Prometheus scrapes.
private final class Applications: Sendable {
  private let loads: MetricFamily
  private let loop: EventLoop
  private let server: OperationsHTTPServer
  let port: UInt16

  init(_ names: [String]) async throws {
    let metrics = MetricsRegistry()
    loads = metrics.gauge("load", help: "Load.", labels: ["app"])
    loop = try EventLoop()
    server = try await OperationsHTTPServer(
      HTTPServerSettings(address: ListenAddress(host: "127.0.0.1", port: 0)), on: loop, metrics: metrics,
      readiness: Readiness())
    port = server.address.port
    for name in names { add(name) }
  }

  func add(_ name: String) { loads.with(name).set(100) }

  func remove(_ name: String) { loads.remove(name) }

  func prometheus(port: UInt16 = freePort()) async throws -> PrometheusServer {
    try await PrometheusServer(
      configuration: """
        global: {scrape_interval: 1s}
        scrape_configs:
          - job_name: apps
            static_configs: [{targets: ["127.0.0.1:\(self.port)"]}]
        """, port: port)
  }

  func stop() async {
    await server.shutdown(within: .seconds(1))
    await loop.stop()
  }
}

@Suite("Discovery with a real Prometheus")
struct DiscoveryHostTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func file(_ prometheus: PrometheusServer, more: String = "") throws -> String {
    try folder.write(
      """
      defaults:
        metric: rps
        source: {url: "\(prometheus.url)", query: sum by (app) (load), label: app}
        model: baseline
        step: 1s
        interval: 1s
        horizon: 60s
        window: 5m
        policy: {targetPerPod: 50, max: 200, headroom: 1}
      discovery:
        - source: {label: app}
          interval: 1s
          keep: 3s
          limit: 3
          exclude: [hidden-*]
          defaults:
            - {match: web-*, policy: {targetPerPod: 10}}
      \(more)
      """, to: "kedastral.yaml")
  }

  private func names(_ port: UInt16) async -> [String] {
    struct Listing: Decodable { var workloads: [String] }
    let body = await Daemon.get(port, "/workloads").body
    return (try? JSONDecoder().decode(Listing.self, from: Data(body.utf8)))?.workloads ?? []
  }

  @Test("workloads begin and end with the values of a label; the file's override them, and check lists them")
  func beginAndEnd() async throws {
    let apps = try await Applications(["shop", "web-1", "hidden-1", "bad/name"])
    let prometheus = try await apps.prometheus()
    defer { prometheus.stop() }
    let file = try file(prometheus, more: "workloads:\n  - {name: fixed, source: {query: sum(load)}}")
    let (http, grpc) = (freePort(), freePort())
    let host = try Daemon(
      "kedastral",
      [
        "run", "-config", file, "-listen", "127.0.0.1:\(http)", "-scaler-listen", "127.0.0.1:\(grpc)", "-lead-time",
        "20s", "-log-format", "json",
      ])
    try await eventually("plans of the file's and the discovered workloads") {
      await names(http) == ["fixed", "shop", "web-1"]
    }
    #expect(host.process.output.contains("not valid names of workloads"))
    try await eventually("the settings of the first pattern that matches") {
      await PlayedTrace.snapshot("web-1", http)?.targetPerPod == 10
    }
    #expect(await PlayedTrace.snapshot("shop", http)?.targetPerPod == 50)
    #expect(try await KEDAClient.ask(grpc, ["workload": "web-1"]).value == 10)

    let listing = try await Daemon.run("kedastral", ["check", "-config", file, "-lead-time", "20s", "-o", "json"])
    #expect(listing.output.contains(#""value":"web-1","result":"workload","match":"web-*""#), "\(listing.output)")
    #expect(listing.output.contains(#""value":"hidden-1","result":"excluded""#))
    #expect(listing.output.contains(#""value":"bad/name","result":"not a valid name""#))
    let table = try await Daemon.run("kedastral", ["check", "-config", file, "-lead-time", "20s"])
    #expect(table.output.contains("discovered") && table.output.contains("web-*"), "\(table.output)")

    apps.add("web-2")
    apps.add("web-3")
    try await eventually("the new one, up to the limit") { await names(http) == ["fixed", "shop", "web-1", "web-2"] }
    try await eventually("a line on the limit") { host.process.output.contains("more workloads are discovered") }
    let metrics = await Daemon.get(http, "/metrics").body
    #expect(metrics.contains(#"kedastral_discovery_workloads{discovery="0",state="over_limit"} 1"#))
    apps.remove("web-1")
    try await eventually("the vanished one to end, and the next one by name") {
      await names(http) == ["fixed", "shop", "web-2", "web-3"]
    }
    #expect(try await KEDAClient.ask(grpc, ["workload": "web-1"]).code == "NOT_FOUND")

    _ = try self.file(prometheus, more: "workloads:\n  - {name: shop, policy: {targetPerPod: 25}}")
    host.process.signal(SIGHUP)
    try await eventually("the file's settings") {
      let plans = await names(http)
      let target = await PlayedTrace.snapshot("shop", http)?.targetPerPod
      return plans == ["shop", "web-2", "web-3"] && target == 25
    }
    prometheus.stop()
    try await eventually("a failed discovery") {
      host.process.output.contains("discovery found no workloads; those that are known stay")
    }
    try await Task.sleep(for: .seconds(5))
    #expect(await names(http) == ["shop", "web-2", "web-3"])
    await apps.stop()
  }

  @Test("several forecasters divide what they discover, and a scaler serves it from Redis until it ends")
  func shards() async throws {
    let apps = try await Applications(["app-1", "app-2", "app-3"])
    let prometheus = try await apps.prometheus()
    defer { prometheus.stop() }
    let file = try file(prometheus)
    let redis = try await RedisServer()
    let (grpc, operations) = (freePort(), freePort())
    let ports = [freePort(), freePort()]
    let forecasters = try ports.map { port in
      try Daemon(
        "kedastral-forecaster",
        [
          "-config", file, "-listen", "127.0.0.1:\(port)", "-storage", "redis", "-redis-addr",
          "127.0.0.1:\(redis.port)", "-shard-lease", "2s", "-log-format", "json",
        ])
    }
    let scaler = try Daemon(
      "kedastral-scaler",
      [
        "-storage", "redis", "-redis-addr", "127.0.0.1:\(redis.port)", "-listen", "127.0.0.1:\(grpc)", "-http-listen",
        "127.0.0.1:\(operations)", "-lead-time", "20s",
      ])
    for app in ["app-1", "app-2", "app-3"] {
      try await eventually("a plan of \(app) at the scaler") {
        try await KEDAClient.ask(grpc, ["workload": app]).value == 2
      }
    }
    apps.remove("app-2")
    try await eventually("the plan to be removed") {
      try await redis.cli("KEYS", "forecast:app-2*").trimmingCharacters(in: .whitespacesAndNewlines) == ""
    }
    #expect(try await KEDAClient.ask(grpc, ["workload": "app-2"]).code == "NOT_FOUND")
    #expect(try await KEDAClient.ask(grpc, ["workload": "app-1"]).value == 2)
    for forecaster in forecasters { forecaster.process.signal(SIGTERM) }
    scaler.process.signal(SIGTERM)
    await apps.stop()
  }
}
