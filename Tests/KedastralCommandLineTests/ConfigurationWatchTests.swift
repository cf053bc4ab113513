import Foundation
import KedastralCore
import TestSupport
import Testing

@Suite("Configuration files that change under daemons")
struct ConfigurationWatchTests {
  /// Longer than two looks at the file, which a change needs to be read.
  private static let longEnough: Duration = .seconds(6)

  private struct Reloads: Equatable {
    var succeeded: Double?
    var failed: Double?
    var isLastSuccessful: Double?
  }

  private func reloads(_ port: UInt16) async -> Reloads {
    await Reloads(
      succeeded: Daemon.metric(port, #"kedastral_config_reloads_total{result="success"}"#),
      failed: Daemon.metric(port, #"kedastral_config_reloads_total{result="failure"}"#),
      isLastSuccessful: Daemon.metric(port, "kedastral_config_last_reload_successful"))
  }

  private func lastSuccess(_ port: UInt16) async -> Double? {
    await Daemon.metric(port, "kedastral_config_last_success_timestamp_seconds")
  }

  private func serves(_ port: UInt16, _ workloads: String...) async -> Bool {
    let list = workloads.map { "\"\($0)\"" }.joined(separator: ",")
    return await Daemon.get(port, "/workloads").body.hasPrefix("{\"workloads\":[\(list)]")
  }

  @Test(
    "reloads a replaced ConfigMap, reports and ignores an invalid one, and applies the next valid one")
  func mounted() async throws {
    let trace = try PlayedTrace { _ in 300 }
    let folder = try MountedFolder()
    func turn(_ workloads: String) throws {
      try folder.turn(to: ["kedastral.yaml": Data(trace.configuration(workloads).utf8)])
    }
    try turn("  - {name: kept}\n  - {name: gone}")
    let (http, grpc) = (freePort(), freePort())
    let host = try Daemon(
      "kedastral",
      [
        "run", "-listen", "127.0.0.1:\(http)", "-scaler-listen", "127.0.0.1:\(grpc)", "-config",
        folder.path("kedastral.yaml"), "-log-format", "json",
      ])
    try await eventually("the first plans") { await serves(http, "gone", "kept") }
    #expect(await reloads(http) == Reloads(succeeded: 0, failed: 0, isLastSuccessful: 1))
    let start = try #require(await lastSuccess(http))

    try turn("  - {name: kept}\n  - {name: new}")
    try await eventually("the new workloads") { await serves(http, "kept", "new") }
    try await eventually("the count") {
      await reloads(http) == Reloads(succeeded: 1, failed: 0, isLastSuccessful: 1)
    }
    let read = try #require(await lastSuccess(http))
    #expect(read > start)

    let bad = [
      ("  - {name: kept, policy: {min: 900}}", "kedastral.yaml:10:32: workloads[0].policy.min: the minimum 900"),
      ("  - {name: kept", "kedastral.yaml:"), ("  - {name: kept, source: {type: carrier-pigeon}}", "carrier-pigeon"),
    ]
    for (index, (workloads, reason)) in bad.enumerated() {
      try turn(workloads)
      let expected = Reloads(succeeded: 1, failed: Double(index + 1), isLastSuccessful: 0)
      try await eventually("the refusal") { await reloads(http) == expected }
      #expect(host.lines("configuration not reloaded, nothing has changed").last?["error"]?.contains(reason) == true)
      #expect(await serves(http, "kept", "new"))
    }
    try await Task.sleep(for: Self.longEnough)
    #expect(await reloads(http).failed == Double(bad.count), "each content is refused once")
    #expect(await lastSuccess(http) == read)
    #expect(try await KEDAClient.ask(grpc, ["workload": "new"]).value == 30)

    try turn("  - {name: last}")
    try await eventually("the next workloads") { await serves(http, "last") }
    try await eventually("the count") {
      await reloads(http) == Reloads(succeeded: 2, failed: Double(bad.count), isLastSuccessful: 1)
    }
    try turn("  - {name: last}")
    try await Task.sleep(for: Self.longEnough)
    #expect(await reloads(http).succeeded == 2, "a new file with the same content is not read")
    host.process.signal(SIGTERM)
    #expect(try await host.process.waitForExit() == 0)
  }

  @Test("reloads a file that editors replace, write in place, or remove and write again")
  func written() async throws {
    let trace = try PlayedTrace { _ in 300 }
    try trace.configure("  - {name: first}")
    let http = freePort()
    let forecaster = try Daemon(
      "kedastral-forecaster", ["-listen", "127.0.0.1:\(http)", "-config", trace.file, "-log-format", "json"])
    try await eventually("the first plan") { await serves(http, "first") }
    try trace.configure("  - {name: replaced}")
    try await eventually("a file that was replaced") { await serves(http, "replaced") }
    let place = URL(fileURLWithPath: trace.file)
    try Data(trace.configuration("  - {name: in-place}").utf8).write(to: place)
    try await eventually("a file that was written in place") { await serves(http, "in-place") }
    try FileManager.default.removeItem(at: place)
    try await eventually("the refusal") { await reloads(http).isLastSuccessful == 0 }
    #expect(await serves(http, "in-place"))
    try Data(trace.configuration("  - {name: in-place}").utf8).write(to: place)
    try await eventually("the file again") { await reloads(http).isLastSuccessful == 1 }
    #expect(await serves(http, "in-place"))
    #expect(forecaster.lines("configuration reloaded").count == 3)
    forecaster.process.kill()
  }

  @Test("a scaler applies the log level of a changed file, and names settings that need a restart")
  func scaler() async throws {
    let folder = try MountedFolder()
    func turn(_ text: String) throws { try folder.turn(to: ["scaler.yaml": Data(text.utf8)]) }
    try turn("log: {level: info, format: json}")
    let operations = freePort()
    let scaler = try Daemon(
      "kedastral-scaler",
      [
        "-listen", "127.0.0.1:\(freePort())", "-http-listen", "127.0.0.1:\(operations)", "-config",
        folder.path("scaler.yaml"), "-forecaster-url", "http://127.0.0.1:\(freePort())",
      ])
    try await eventually("a failed round") { !scaler.lines("forecaster is not reachable").isEmpty }
    try turn("log: {level: debug, format: json}\nscaler: {leadTime: 7m}")
    try await eventually("lines of the new level") { !scaler.lines("forecaster is not reachable", at: "debug").isEmpty }
    #expect(
      scaler.lines("these settings have changed and need a restart").last?["settings"] == "scaler.leadTime")
    try turn("log: {level: shout}")
    try await eventually("the refusal") { await reloads(operations).isLastSuccessful == 0 }
    try turn("log: {level: warn, format: json}")
    try await eventually("a good file") { await reloads(operations).isLastSuccessful == 1 }
    scaler.process.kill()
  }

  @Test("without watching, a file is read only on SIGHUP")
  func unwatched() async throws {
    let trace = try PlayedTrace { _ in 300 }
    try trace.configure("  - {name: first}")
    let http = freePort()
    let forecaster = try Daemon(
      "kedastral-forecaster", ["-listen", "127.0.0.1:\(http)", "-config", trace.file, "-watch-config=false"])
    try await eventually("the first plan") { await serves(http, "first") }
    try trace.configure("  - {name: second}")
    try await Task.sleep(for: Self.longEnough)
    #expect(await serves(http, "first"))
    forecaster.process.signal(SIGHUP)
    try await eventually("the second file") { await serves(http, "second") }
    forecaster.process.kill()
  }
}
