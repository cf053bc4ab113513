import Foundation
import KedastralCore
import TestSupport
import Testing

@Suite("SIGHUP")
struct ReloadTests {
  private func daemon(_ arguments: [String], _ trace: PlayedTrace) throws -> Daemon {
    try Daemon("kedastral", arguments + ["-config", trace.file, "-log-format", "json"])
  }

  private func counts(_ port: UInt16) async -> (success: Double, failure: Double) {
    let text = await Daemon.get(port, "/metrics").body
    func value(_ result: String) -> Double {
      let name = "kedastral_config_reloads_total{result=\"\(result)\"} "
      return text.split(separator: "\n").first { $0.hasPrefix(name) }.flatMap { Double($0.dropFirst(name.count)) } ?? -1
    }
    return (value("success"), value("failure"))
  }

  @Test(
    "adds, changes and removes workloads; unchanged ones keep their loops, changed ones resume from their replicas")
  func workloads() async throws {
    let trace = try PlayedTrace { _ in 300 }
    try trace.configure("  - {name: kept}\n  - {name: changed}\n  - {name: gone}")
    let (http, grpc) = (freePort(), freePort())
    let host = try daemon(["run", "-listen", "127.0.0.1:\(http)", "-scaler-listen", "127.0.0.1:\(grpc)"], trace)
    try await eventually("three plans") {
      await Daemon.get(http, "/workloads").body.hasPrefix(#"{"workloads":["changed","gone","kept"]"#)
    }
    try trace.configure(
      "  - {name: kept}\n  - {name: changed, policy: {targetPerPod: 1, max: 300, upMaxFactor: 1.01}}\n  - {name: new}")
    host.process.signal(SIGHUP)
    try await eventually("the new workload, and the old one gone") {
      await Daemon.get(http, "/workloads").body.hasPrefix(#"{"workloads":["changed","kept","new"]"#)
    }
    try await eventually("the changed policy") {
      await PlayedTrace.snapshot("changed", http)?.targetPerPod == 1
    }
    // 300 are needed; from the 30 that ran before, one more a step is allowed.
    #expect((31...60).contains(await PlayedTrace.snapshot("changed", http)?.desiredReplicas.first ?? 0))
    try await eventually("the log") {
      host.process.output.contains(
        #""msg":"configuration reloaded","added":"1","changed":"1","removed":"1","kept":"1""#)
    }
    let stored = host.process.output.components(separatedBy: #""msg":"resuming from the stored plan","workload":""#)
    #expect(stored.dropFirst().map { $0.prefix { $0 != "\"" } } == ["changed"], "the kept one was not restarted")
    #expect(try await KEDAClient.ask(grpc, ["workload": "gone"]).code == "NOT_FOUND")
    #expect(try await KEDAClient.ask(grpc, ["workload": "new"]).value == 30)
    host.process.signal(SIGTERM)
    #expect(try await host.process.waitForExit() == 0)
  }

  @Test("reports an invalid file and ignores it; applies the log level; names settings that need a restart")
  func refusedAndLevels() async throws {
    let trace = try PlayedTrace { _ in 300 }
    try trace.configure("  - {name: api}", more: "log: {level: warn}")
    let (http, operations, grpc) = (freePort(), freePort(), freePort())
    let forecaster = try daemon(["forecaster", "-listen", "127.0.0.1:\(http)"], trace)
    let scaler = try daemon(
      [
        "scaler", "-listen", "127.0.0.1:\(grpc)", "-http-listen", "127.0.0.1:\(operations)", "-forecaster-url",
        "http://127.0.0.1:\(http)",
      ], trace)
    try await eventually("a plan at the scaler") {
      await Daemon.get(operations, "/explain?workload=api").status == 200
    }
    #expect(!forecaster.process.output.contains("stored forecast"))

    try trace.configure("  - {name: api, policy: {min: 900}}")
    for daemon in [forecaster, scaler] { daemon.process.signal(SIGHUP) }
    try await eventually("a refusal") { await counts(http).failure == 1 }
    try await eventually("its reason") {
      forecaster.process.output.contains(
        "kedastral.yaml:10:31: workloads[0].policy.min: the minimum 900 is more than the maximum 200")
    }
    #expect(await PlayedTrace.snapshot("api", http)?.desiredReplicas.first == 30)

    try trace.configure(
      "  - {name: api}", more: "log: {level: debug}\nstorage: {type: redis}\nscaler: {leadTime: 7m, staleAfter: 9m}")
    for daemon in [forecaster, scaler] { daemon.process.signal(SIGHUP) }
    try await eventually("another level") { forecaster.process.output.contains("stored forecast") }
    try await eventually("what needs a restart") {
      forecaster.process.output.contains(#"need a restart","settings":"storage""#)
    }
    try await eventually("the scaler's reload") {
      scaler.process.output.contains(#"need a restart","settings":"scaler.leadTime, scaler.staleAfter, storage""#)
    }
    try await eventually("its count") { await counts(operations).success >= 1 }
    for daemon in [forecaster, scaler] { daemon.process.kill() }
  }

  @Test("no request fails during ten reloads per second, half of them invalid")
  func storm() async throws {
    let trace = try PlayedTrace { _ in 300 }
    try trace.configure("  - {name: kept}\n  - {name: changed}")
    let (http, grpc) = (freePort(), freePort())
    let host = try daemon(["-listen", "127.0.0.1:\(http)", "-scaler-listen", "127.0.0.1:\(grpc)"], trace)
    try await eventually("plans") { await Daemon.get(http, "/readyz").status == 200 }
    let storm = Task {
      for round in 0..<50 {
        let isBroken = round % 2 == 1
        try trace.configure(
          "  - {name: kept}\n  - {name: changed, policy: {min: \(isBroken ? 999 : 1 + round)}}\n  - {name: new-\(round)}"
        )
        host.process.signal(SIGHUP)
        try await Task.sleep(for: .milliseconds(100))
      }
    }
    var answers = 0
    while answers < 8 {
      #expect(try await KEDAClient.ask(grpc, ["workload": "kept"]).value == 30)
      #expect(await PlayedTrace.snapshot("changed", http) != nil)
      answers += 1
    }
    try await storm.value
    try trace.configure("  - {name: kept}\n  - {name: last}")
    host.process.signal(SIGHUP)
    try await eventually("the last file") {
      await Daemon.get(http, "/workloads").body.hasPrefix(#"{"workloads":["kept","last"]"#)
    }
    let counts = await counts(http)
    #expect(counts.success >= 2 && counts.failure >= 1, "\(counts)")
    host.process.signal(SIGTERM)
    #expect(try await host.process.waitForExit() == 0)
  }
}
