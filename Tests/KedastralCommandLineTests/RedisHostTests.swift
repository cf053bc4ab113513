import Foundation
import KedastralCore
import TestSupport
import Testing

@Suite("Daemons around a real Redis")
struct RedisHostTests {
  /// A trace that the forecasters play: no Prometheus is needed to test what happens behind them.
  private func configuration(_ workloads: Int, in folder: TemporaryFolder) throws -> String {
    let rows = (0..<3000).map { minute in
      "\(1_700_000_000 / 60 * 60 + minute * 60),\(minute % 60 < 15 ? 900 : 300)"
    }
    let trace = try folder.write("timestamp,value\n" + rows.joined(separator: "\n") + "\n", to: "trace.csv")
    let list = (0..<workloads).map { "  - {name: app-\($0), metric: rps}" }.joined(separator: "\n")
    return try folder.write(
      """
      defaults:
        source: {type: csv, path: \(trace)}
        model: baseline
        interval: 2s
        window: 1d
        policy: {targetPerPod: 10, max: 200}
      workloads:
      \(list)
      """, to: "kedastral.yaml")
  }

  private func forecaster(_ file: String, _ redis: RedisServer, http: UInt16, lease: String = "0") throws -> Daemon {
    try Daemon(
      "kedastral-forecaster",
      [
        "-config", file, "-listen", "127.0.0.1:\(http)", "-storage", "redis", "-redis-addr", "127.0.0.1:\(redis.port)",
        "-redis-password", "secret", "-shard-lease", lease, "-log-format", "json",
        "-log-level", "debug",
      ])
  }

  private func scaler(_ redis: RedisServer, grpc: UInt16, http: UInt16) throws -> Daemon {
    try Daemon(
      "kedastral-scaler",
      [
        "-storage", "redis", "-redis-addr", "127.0.0.1:\(redis.port)", "-listen", "127.0.0.1:\(grpc)", "-http-listen",
        "127.0.0.1:\(http)", "-stale-after", "12s", "-redis-read-prefixes", "kedastral:snapshot:",
      ], environment: ["REDIS_PASSWORD": "secret"])
  }

  private func redis() async throws -> RedisServer {
    try await RedisServer(["--requirepass", "secret"], cli: ["-a", "secret", "--no-auth-warning"])
  }

  private func plan(of workload: String, _ redis: RedisServer) async throws -> Snapshot {
    try Snapshot(json: Data(try await redis.cli("GET", "forecast:\(workload)").utf8))
  }

  @Test("a killed and restarted forecaster resumes from its plan, and the scaler keeps serving")
  func killedForecaster() async throws {
    let folder = try TemporaryFolder()
    let file = try configuration(2, in: folder)
    let redis = try await redis()
    let (http, grpc, operations) = (freePort(), freePort(), freePort())
    let first = try forecaster(file, redis, http: http)
    let scaler = try scaler(redis, grpc: grpc, http: operations)
    try await eventually("a ready scaler") { await Daemon.get(operations, "/readyz").status == 200 }
    try await eventually("both plans") { try await redis.cli("DBSIZE").contains("2") }
    #expect(try await KEDAClient.ask(grpc, ["workload": "app-1"]).active == true)
    // A workload that still is the Go implementation's.
    try await redis.cli(
      "SET", "kedastral:snapshot:legacy",
      #"{"Workload":"legacy","Metric":"rps","GeneratedAt":"\(Date().ISO8601Format())","StepSeconds":60,"HorizonSeconds":60,"Values":[5],"DesiredReplicas":[7]}"#
    )

    first.process.kill()
    _ = try await first.process.waitForExit()
    let before = try await plan(of: "app-0", redis)
    #expect(try await KEDAClient.ask(grpc, ["workload": "app-0"]).value ?? 0 >= 30)

    let second = try forecaster(file, redis, http: http)
    try await eventually("a newer plan") { try await plan(of: "app-0", redis).generatedAt > before.generatedAt }
    let after = try await plan(of: "app-0", redis)
    try await eventually("the log") { second.process.output.contains("resuming from the stored plan") }
    #expect((after.capacityState?.replicas ?? 0) >= 30, "no ramp from the minimum")
    #expect(await Daemon.get(operations, "/readyz").status == 200)

    for daemon in [second, scaler] { daemon.process.signal(SIGTERM) }
    #expect(try await second.process.waitForExit() == 0)
    #expect(try await scaler.process.waitForExit() == 0)
    redis.kill()
  }

  /// The workloads that each of a forecaster's metrics has series of.
  private func exported(_ port: UInt16) async -> [String: Set<String>] {
    await Daemon.get(port, "/metrics").body.matches(of: /(kedastral_\w+)\{workload="([\w-]+)"/).reduce(into: [:]) {
      $0[String($1.1), default: []].insert(String($1.2))
    }
  }

  private static let ofPlans = [
    "kedastral_forecast_age_seconds", "kedastral_max_replicas", "kedastral_desired_replicas", "kedastral_measured_load",
  ]

  @Test("each of two forecasters on one Redis exports only its own workloads")
  func ownMetrics() async throws {
    let redis = try await redis()
    let (folders, ports) = (try [TemporaryFolder(), TemporaryFolder()], [freePort(), freePort()])
    let forecasters = try zip(folders, ports).enumerated().map { index, place in
      let file = try configuration(2, in: place.0)
      let text = try String(contentsOfFile: file, encoding: .utf8).replacing("app-", with: "app-\(index)")
      return try forecaster(try place.0.write(text, to: "own.yaml"), redis, http: place.1)
    }
    for port in ports {
      try await eventually("all plans at each") {
        let answer = await Daemon.get(port, "/workloads").body
        return ["app-00", "app-01", "app-10", "app-11"].allSatisfy { answer.contains("\"\($0)\"") }
      }
    }
    for (index, port) in ports.enumerated() {
      let own: Set = ["app-\(index)0", "app-\(index)1"]
      try await eventually("its series") { await exported(port)["kedastral_measured_load"] == own }
      let families = await exported(port)
      for family in Self.ofPlans { #expect(families[family] == own, "\(family)") }
      for (family, workloads) in families { #expect(workloads.isSubset(of: own), "\(family)") }
    }
    // Without the one, no process exports its workloads: this is what the alert on a forecaster that is gone waits for.
    forecasters[0].process.kill()
    _ = try await forecasters[0].process.waitForExit()
    #expect(await exported(ports[1])["kedastral_forecast_age_seconds"] == ["app-10", "app-11"])
    #expect(await Daemon.get(ports[1], "/workloads").body.contains(#""app-00""#))
    forecasters[1].process.kill()
    redis.kill()
    // An optimised build would remove the folders, with the daemons' files, after their last use.
    withExtendedLifetime(folders) {}
  }

  @Test("each workload is exported by one forecaster, also after one leaves or joins")
  func sharedMetrics() async throws {
    let folder = try TemporaryFolder()
    let redis = try await redis()
    let file = try configuration(8, in: folder)
    let all = Set((0..<8).map { "app-\($0)" })
    let ports = (0..<3).map { _ in freePort() }
    var forecasters = try ports.prefix(2).map { try forecaster(file, redis, http: $0, lease: "2s") }
    func disjoint(_ ports: some Sequence<UInt16>) async throws {
      try await eventually("disjoint series of all workloads") {
        var shares: [[String: Set<String>]] = []
        for port in ports { shares.append(await exported(port)) }
        return Self.ofPlans.allSatisfy { family in
          let sets = shares.map { $0[family] ?? [] }
          return sets.reduce(0) { $0 + $1.count } == 8 && sets.reduce(Set()) { $0.union($1) } == all
        }
      }
    }
    try await disjoint(ports.prefix(2))
    forecasters[0].process.kill()
    try await disjoint(ports[1..<2])
    forecasters.append(try forecaster(file, redis, http: ports[2], lease: "2s"))
    try await disjoint(ports[1...])
    for daemon in forecasters { daemon.process.kill() }
    redis.kill()
  }

  @Test("without Redis, plans are served until stale, and again within one interval of its return")
  func lostRedis() async throws {
    let folder = try TemporaryFolder()
    let redis = try await redis()
    let (grpc, operations) = (freePort(), freePort())
    let forecaster = try forecaster(try configuration(1, in: folder), redis, http: freePort())
    let scaler = try scaler(redis, grpc: grpc, http: operations)
    try await eventually("a ready scaler") { await Daemon.get(operations, "/readyz").status == 200 }

    redis.kill()
    #expect(try await KEDAClient.ask(grpc, ["workload": "app-0"]).active == true)
    try await eventually("readiness to say why") {
      let ready = await Daemon.get(operations, "/readyz")
      return ready.status == 503 && ready.body.contains("store: ")
    }
    try await eventually("the plan to be stale") {
      try await KEDAClient.ask(grpc, ["workload": "app-0"]).code == "UNAVAILABLE"
    }

    try await redis.restart()
    try await eventually("a fresh plan") { try await KEDAClient.ask(grpc, ["workload": "app-0"]).active == true }
    try await eventually("a ready scaler") { await Daemon.get(operations, "/readyz").status == 200 }
    for daemon in [forecaster, scaler] { daemon.process.kill() }
    redis.kill()
  }

  @Test(
    "the workloads of a killed forecaster move within the lease, and resume from their plans")
  func sharding() async throws {
    let folder = try TemporaryFolder()
    let file = try configuration(12, in: folder)
    let redis = try await redis()
    let forecasters = try (0..<3).map { _ in try forecaster(file, redis, http: freePort(), lease: "2s") }
    /// The workloads that a forecaster has stored plans of, from a line of its log on.
    func stored(_ forecaster: Daemon, after offset: Int = 0) -> Set<String> {
      let lines = forecaster.process.output.utf8.dropFirst(offset)
      return Set(
        String(decoding: lines, as: UTF8.self).matches(of: /stored forecast","workload":"(app-\d+)"/).map {
          String($0.1)
        })
    }
    try await eventually("three members") {
      forecasters.allSatisfy { $0.process.output.contains(#""members":"3","active":"true""#) }
    }
    // Once the shares have settled, each workload is forecast by one of them.
    var shares: [Set<String>] = []
    try await eventually("disjoint shares of all") {
      let offsets = forecasters.map(\.process.output.utf8.count)
      try await Task.sleep(for: .seconds(3))
      shares = zip(forecasters, offsets).map { stored($0, after: $1) }
      return shares.map(\.count).reduce(0, +) == 12 && shares.reduce(Set()) { $0.union($1) }.count == 12
    }
    let lost = shares[0]
    let offsets = forecasters.map(\.process.output.utf8.count)
    forecasters[0].process.kill()
    try await eventually("the lost workloads elsewhere") {
      stored(forecasters[1], after: offsets[1]).union(stored(forecasters[2], after: offsets[2])).isSuperset(of: lost)
    }
    for workload in lost {
      #expect((try await plan(of: workload, redis).capacityState?.replicas ?? 0) >= 30, "no ramp from the minimum")
    }
    // One that sleeps for longer than its lease loses its share, and what it was about to write.
    let sleeper = forecasters[1]
    let slept = shares[1].union(stored(sleeper, after: offsets[1]))
    let offset = forecasters[2].process.output.utf8.count
    sleeper.process.signal(SIGSTOP)
    try await eventually("the sleeper's workloads elsewhere") {
      stored(forecasters[2], after: offset).isSuperset(of: slept)
    }
    var before: [Snapshot] = []
    for workload in slept { before.append(try await plan(of: workload, redis)) }
    sleeper.process.signal(SIGCONT)
    try await eventually("a new term") { sleeper.process.output.contains(#""active":"true","term":"2""#) }
    for old in before {
      let new = try await plan(of: old.workload.text, redis)
      #expect(new.generatedAt >= old.generatedAt && (new.capacityState?.replicas ?? 0) >= 30)
    }
    for daemon in forecasters[1...] { daemon.process.signal(SIGTERM) }
    for daemon in forecasters[1...] { #expect(try await daemon.process.waitForExit() == 0) }
    redis.kill()
  }
}
