import Foundation
import KedastralCore
import TestSupport
import Testing

@Suite("kedastral get")
struct GetCommandTests {
  @Test("lists workloads with load, forecast peak, replicas and age, and marks stale ones")
  func workloads() async throws {
    let forecaster = try await TestForecaster(
      ["worker", "api"], extra: [try TestForecaster.plan("old", base: 10, age: .seconds(600))])
    let table = try await Daemon.run("kedastral", ["get", "workloads", "--server", forecaster.url])
    #expect(table.exitCode == 0)
    let lines = table.output.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
    #expect(lines.map { $0[0] } == ["WORKLOAD", "api", "old", "worker"])
    #expect(lines[1][1...8] == ["ok", "rps", "auto", "200", "229", "5", "–", "5"])
    #expect(lines[2][1] == "stale" && lines[2][6] == "–")
    #expect(!table.output.contains("\u{1B}"))

    struct List: Decodable {
      struct Row: Decodable {
        var workload: String
        var replicas: Int?
        var isStale: Bool
      }
      var workloads: [Row]
    }
    let json = try await Daemon.run(
      "kedastral", ["get", "workloads", "-o", "json"], environment: ["KEDASTRAL_SERVER": forecaster.url])
    let list = try JSONDecoder().decode(List.self, from: Data(json.output.utf8)).workloads
    #expect(list.map(\.replicas) == [5, nil, 3] && list.map(\.isStale) == [false, true, false])
    await forecaster.close()
  }

  @Test("lists capped, bridged, failing, dry-run and new workloads by state, with the last error")
  func states() async throws {
    let now = SystemWallClock().now
    let (capped, trial, silent) = try TestForecaster.states(silence: .seconds(900), at: now)
    let forecaster = try await TestForecaster(
      ["fine"], extra: [capped, trial, silent], failing: ["broken": "Connection refused"], starting: ["new"])
    let table = try await Daemon.run("kedastral", ["get", "workloads", "--server", forecaster.url])
    func line(_ name: String) -> String {
      table.output.split(separator: "\n").first { $0.hasPrefix(name) }.map(String.init) ?? ""
    }
    for (name, state) in [
      ("broken", "failing"), ("capped", "capped"), ("fine", "ok"), ("new", "starting"), ("silent", "bridged"),
      ("trial", "dry-run"),
    ] { #expect(line(name + " ").contains(" \(state) "), "\(table.output)") }
    #expect(line("silent ").contains("no sample since \(Timestamp.clock(now - .seconds(900), at: now))"))
    #expect(table.output.contains("capped: capped at 11: the load needs 23\n"))
    #expect(line("broken: failing since").hasSuffix(": collect: Connection refused"))

    struct List: Decodable {
      struct Row: Decodable {
        var workload: String
        var state: String
        var isCapped: Bool
        var isDryRun: Bool
        var required: Int?
        var load: Double?
        var problem: String?
        var problemSince: String?
      }
      var workloads: [Row]
    }
    let json = try await Daemon.run(
      "kedastral",
      ["get", "workloads", "-o", "json", "--server", forecaster.url, "--state", "capped", "failing", "bridged"])
    let rows = try JSONDecoder().decode(List.self, from: Data(json.output.utf8)).workloads
    #expect(rows.map(\.workload) == ["broken", "capped", "silent"] && rows.map(\.isCapped) == [false, true, false])
    #expect(rows[0].problem?.contains("Connection refused") == true && rows[0].problemSince != nil)
    #expect(rows[1].required == 23 && rows[2].load == nil)
    let forecast = try await Daemon.run("kedastral", ["get", "forecast", "silent", "--server", forecaster.url])
    #expect(forecast.output.contains("no sample since") && forecast.output.contains("bridged by the forecast until"))
    let failing = try await Daemon.run("kedastral", ["explain", "broken", "--server", forecaster.url])
    #expect(failing.exitCode == 1 && failing.output.contains("collect: Connection refused"), "\(failing.output)")
    await forecaster.close()
  }

  @Test("shows a forecast with its history as bars, table, document and picture")
  func forecast() async throws {
    let forecaster = try await TestForecaster(["api"])
    let folder = try TemporaryFolder()
    let svg = folder.url.path + "/api.svg"
    let arguments = ["get", "forecast", "api", "--server", forecaster.url]
    let table = try await Daemon.run("kedastral", arguments + ["--svg", svg])
    #expect(table.exitCode == 0, "\(table.output)")
    #expect(table.output.hasPrefix("api · model auto · rps 100 · forecast from "))
    #expect(table.output.contains("│") && table.output.contains("p90"))
    #expect(table.output.split(separator: "\n").count == 2 + 1 + 30)
    #expect(try String(contentsOfFile: svg, encoding: .utf8).contains("<polygon"))
    let json = try await Daemon.run("kedastral", arguments + ["--json"])
    #expect(try Snapshot(json: Data(json.output.utf8)).desiredReplicas.count == 30)
    await forecaster.close()
  }

  @Test("an unavailable forecaster and an unknown workload exit with 1 and a line that names both")
  func failures() async throws {
    let forecaster = try await TestForecaster(["api"])
    let unknown = try await Daemon.run("kedastral", ["get", "forecast", "nobody", "--server", forecaster.url])
    #expect(unknown.exitCode == 1)
    #expect(unknown.output == "kedastral get: \(forecaster.url) has no forecast for workload 'nobody'\n")
    await forecaster.close()
    let away = try await Daemon.run("kedastral", ["get", "workloads", "--server", "http://127.0.0.1:\(freePort())"])
    #expect(away.exitCode == 1 && away.output.contains("/workloads"), "\(away.output)")
  }

  @Test(
    "an invalid command line exits with 2 and states what is expected",
    arguments: [
      (["get"], "write kedastral get workloads"), (["get", "pods"], "unknown word 'pods'"),
      (["get", "forecast"], "the workload is missing"), (["get", "forecast", "a b"], "is not a workload name"),
      (["get", "workloads", "--sever=x"], "did you mean --server"),
      (["get", "workloads", "--server=localhost"], "is not an http or https URL"),
      (["forecast"], "no load given"), (["forecast", "--csv", "x", "--quantile", "2"], "'2' is not a level"),
      (["forecast", "--csv", "x", "-o", "jsn"], "did you mean json"), (["completion"], "the shell is missing"),
      (["completion", "tcsh"], "'tcsh' is not a supported shell"),
    ] as [([String], String)])
  func usage(arguments: [String], expected: String) async throws {
    let run = try await Daemon.run("kedastral", arguments)
    #expect(run.exitCode == 2)
    #expect(
      run.output.contains(expected) && run.output.contains("see kedastral \(arguments[0]) --help"), "\(run.output)")
  }
}
