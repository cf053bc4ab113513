import Foundation
import KedastralCore
import TestSupport
import Testing

@testable import KedastralCommandLine

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

  @Test("lists chosen workloads, wide, as names and as YAML, and names what a format does not fit")
  func formats() async throws {
    let forecaster = try await TestForecaster(["worker", "api"])
    func get(_ arguments: String...) async throws -> (exitCode: Int32, output: String) {
      try await Daemon.run("kedastral", ["get"] + arguments + ["--server", forecaster.url])
    }
    #expect(try await get("workloads", "-o", "name").output == "api\nworker\n")
    let wide = try await get("workloads", "api", "-o", "wide").output
    #expect(wide.contains("PER POD  HORIZON  LEAD TIME  START-UP  DRY RUN") && wide.contains(" 30m "))
    #expect(!wide.contains("worker"))
    let yaml = try await get("workloads", "api", "-o", "yaml").output
    #expect(yaml.hasPrefix("workloads:\n  - ageSeconds: ") && yaml.contains("\n    workload: \"api\"\n"), "\(yaml)")
    #expect(try await get("forecast", "api", "-o", "yaml").output.contains("\nworkload: \"api\"\n"))
    for (arguments, expected) in [
      (["workloads", "ap"], "has no forecast for workload 'ap'; did you mean api?"),
      (["workloads", "-o", "sparkline"], "-o 'sparkline' does not apply to workloads; choose one of table"),
      (["forecast", "api", "--state", "ok"], "--state does not apply to a forecast"),
      (["scaledobject", "api", "-o", "table"], "-o 'table' does not apply to a scaledobject; choose one of yaml"),
      (["scaledobject"], "the workload is missing"),
      (["workloads", "--interval", "1s"], "--interval belongs to --watch"),
    ] {
      let run = try await Daemon.run("kedastral", ["get"] + arguments + ["--server", forecaster.url])
      #expect(run.exitCode != 0 && run.output.contains(expected), "\(run.output)")
    }
    await forecaster.close()
  }

  @Test("a full disk is an error, and a reader that goes away is not")
  func writing() async throws {
    for (command, code) in [
      ("man > /dev/full", "1"), ("version > /dev/full", "1"), ("--help > /dev/full", "1"),
      ("demo --help > /dev/full", "1"),
      ("man | head -1 > /dev/null", "0"),
    ] {
      let shell = try ChildProcess(
        "bash", "-c", "set -o pipefail; \(Repository.products.path)/kedastral \(command); echo $?")
      #expect(try await shell.waitForExit() == 0)
      let lines = shell.output.split(separator: "\n").map(String.init)
      #expect(lines.last == code || (code == "0" && lines == ["141"]), "\(command): \(shell.output)")
      #expect(
        (code == "1") == shell.output.contains("cannot write to standard output: No space left"), "\(shell.output)")
    }
  }

  @Test("--watch shows a workload again only when it has changed, until its reader goes away")
  func watching() async throws {
    let forecaster = try await TestForecaster(["api"])
    let watch = try ChildProcess(
      "bash", "-c",
      "timeout 3 \(Repository.products.path)/kedastral get workloads -w --interval 100ms --server \(forecaster.url); echo $?"
    )
    #expect(try await watch.waitForExit() == 0)
    let lines = watch.output.split(separator: "\n")
    #expect(lines.count == 3 && lines[0].hasPrefix("WORKLOAD") && lines[1].hasPrefix("api") && lines[2] == "124")
    await forecaster.close()
  }
}

@Suite("JSON as YAML")
struct YAMLOutputTests {
  @Test("objects, lists, empty values and texts that look like something else are read back as they were")
  func roundTrip() throws {
    let json =
      #"{"b":[1,2.5,null],"a":{"x":"yes","y y":"a: \"b\"\nc","on":true},"c":[{"d":[],"e":{}},[1,[2]],"1"],"z":{}}"#
    let yaml = try YAMLOutput.text(of: json)
    #expect(
      yaml == """
        a:
          "on": true
          x: "yes"
          "y y": "a: \\"b\\"\\nc"
        b: [1, 2.5, null]
        c:
          - d: []
            e: {}
          - - 1
            - [2]
          - "1"
        z: {}
        """, "\(yaml)")
    #expect(try YAMLOutput.text(of: "[]") == "[]" && YAMLOutput.text(of: "3") == "3")
    #expect(throws: (any Error).self) { try YAMLOutput.text(of: "{") }
  }
}
