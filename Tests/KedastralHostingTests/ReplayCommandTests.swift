import Foundation
import TestSupport
import Testing

@Suite("kedastral replay and kedastral backtest")
struct ReplayCommandTests {
  /// Two days of a smooth load with an hourly spike, by the minute.
  private func trace(in folder: TemporaryFolder) throws -> String {
    let lines = (0..<2880).map { minute in
      let day = 200 - 150 * cos(2 * Double.pi * Double(minute % 1440) / 1440)
      return "\(1_767_571_200 + 60 * minute),\(minute % 60 < 5 ? day + 200 : day)"
    }
    return try folder.write("timestamp,value\n" + lines.joined(separator: "\n") + "\n", to: "shop-1m.csv")
  }

  private struct Replayed: Decodable {
    struct Result: Decodable {
      var trace: String
      var policy: String
      var startupSeconds: Double
      var violationMinutes: Double
      var unservedShare: Double
      var podHours: Double
      var oracleRatio: Double
      var cost: Double?
    }
    struct Comparison: Decodable {
      var policy: String
      var hpa: String
      var ratio: Double?
    }
    var results: [Result]
    var equalPodHours: [Comparison]
  }

  @Test("a replay tells violations, pod-hours and cost of each policy, and writes picture and pods")
  func replay() async throws {
    let folder = try TemporaryFolder()
    let file = try trace(in: folder)
    let (svg, csv) = (folder.url.path + "/shop.svg", folder.url.path + "/shop.csv")
    let run = try await Daemon.run(
      "kedastral",
      [
        "replay", "--csv", file, "--model", "baseline", "--interval", "30m", "--startup", "3m", "--price", "0.5",
        "--reactive-floor", "--target-per-pod", "25", "--svg", svg, "--desired-csv", csv, "--json",
      ])
    try #require(run.exitCode == 0, "\(run.output)")
    let results = try JSONDecoder().decode(Replayed.self, from: Data(run.output.utf8)).results
    #expect(results.map(\.policy) == ["hpa", "kedastral", "reference", "oracle"])
    #expect(results.allSatisfy { $0.trace == "shop-1m" && $0.startupSeconds == 180 && $0.podHours > 0 })
    #expect(results.allSatisfy { abs(($0.cost ?? 0) - $0.podHours / 2) < 1e-6 })
    #expect(results[0].violationMinutes > 0 && results[0].unservedShare > 0)
    #expect(results[3].violationMinutes == 0 && results[3].oracleRatio == 1)
    #expect(try String(contentsOfFile: svg, encoding: .utf8).hasPrefix("<svg"))
    let rows = try String(contentsOfFile: csv, encoding: .utf8).split(separator: "\n")
    #expect(rows[0] == "timestamp,load,desired,ready")
    #expect(rows.count == 1 + 1440 * 4)
    let violations = rows.dropFirst().count { row in
      let fields = row.split(separator: ",").compactMap { Double($0) }
      return fields[1] > fields[3] * 25
    }
    #expect(Double(violations) / 4 == results[1].violationMinutes)
  }

  @Test("a sweep compares at equal pod-hours and draws the frontier")
  func sweep() async throws {
    let folder = try TemporaryFolder()
    let svg = folder.url.path + "/frontier.svg"
    let run = try await Daemon.run(
      "kedastral",
      [
        "replay", "--csv", try trace(in: folder), "--policy", "hpa,reference", "--startup", "60s", "--frontier-svg",
        svg,
        "--json",
      ])
    try #require(run.exitCode == 0, "\(run.output)")
    let comparisons = try JSONDecoder().decode(Replayed.self, from: Data(run.output.utf8)).equalPodHours
    #expect(comparisons.contains { $0.policy == "reference" && $0.hpa == "u=0.7" && $0.ratio != nil })
    #expect(try String(contentsOfFile: svg, encoding: .utf8).contains("hpa u=0.7"))
  }

  @Test("a backtest tells the errors of each model on each load")
  func backtest() async throws {
    struct Output: Decodable {
      struct Result: Decodable {
        var trace: String
        var model: String
        var mase: Double
        var pinball: [String: Double]
        var coverage: [String: Double]
        var fitMillis: Double
        var forecastMillis: Double
      }
      var results: [Result]
    }
    let folder = try TemporaryFolder()
    let file = try trace(in: folder)
    let run = try await Daemon.run(
      "kedastral", ["backtest", "--csv", file, "--step", "5m", "--model", "baseline", "--json"])
    try #require(run.exitCode == 0, "\(run.output)")
    let results = try JSONDecoder().decode(Output.self, from: Data(run.output.utf8)).results
    #expect(results.map(\.model) == ["baseline"])
    #expect(results[0].trace == "shop-1m" && results[0].mase.isFinite && results[0].fitMillis > 0)
    #expect(Set(results[0].pinball.keys) == ["0.5", "0.9", "0.95"])
    let table = try await Daemon.run("kedastral", ["backtest", "--csv", file, "--step", "5m", "--model", "baseline"])
    #expect(table.output.contains("MASE") && table.output.contains("shop-1m"))
  }

  @Test("the M4 long format is forecast from its training part")
  func longFormat() async throws {
    let folder = try TemporaryFolder()
    let rows = (0..<200).map { "H1,\($0 < 176 ? "train" : "test"),\($0),\(100 + ($0 % 24) * 5)" }
    let file = try folder.write("id,split,step,value\n" + rows.joined(separator: "\n") + "\n", to: "m4.long.csv")
    let run = try await Daemon.run("kedastral", ["backtest", "--csv", file, "--model", "baseline"])
    #expect(run.exitCode == 0)
    #expect(run.output.contains("m4 "), "\(run.output)")
  }

  @Test(
    "what is asked wrongly ends with 2 and a line that tells what would be right",
    arguments: [
      (["replay"], "no load given; write --csv FILE or --prometheus URL"),
      (["replay", "--csv", "a.csv", "--polcy", "hpa"], "unknown option --polcy; did you mean --policy?"),
      (["replay", "--csv", "a.csv", "--policy", "hpaa"], "'hpaa' is unknown; did you mean hpa?"),
      (["replay", "--csv", "a.csv", "--startup", "soon"], "'soon' is not a duration"),
      (["replay", "--csv", "a.csv", "--target-per-pod", "-5"], "the target per pod -5.0 is not positive"),
      (["replay", "--csv", "a.csv", "--model", "autp"], "'autp' is not a known model"),
      (["replay", "--prometheus", "http://127.0.0.1:1"], "--prometheus needs --query PROMQL"),
      (["backtest", "--csv", "a.csv", "--protocol", "x"], "choose of rolling-origin"),
      (["backtest", "--csv", "a.csv", "--days", "3"], "--days belongs to --prometheus URL"),
      (["backtest", "--csv"], "--csv needs a value"),
    ])
  func askedWrongly(arguments: [String], problem: String) async throws {
    let run = try await Daemon.run("kedastral", arguments)
    #expect(run.exitCode == 2)
    #expect(run.output.contains(problem), "\(run.output)")
  }

  @Test("what fails ends with 1 and names the file or the server")
  func fails() async throws {
    let missing = try await Daemon.run("kedastral", ["replay", "--csv", "/nonexistent.csv"])
    #expect(missing.exitCode == 1)
    #expect(missing.output.contains("/nonexistent.csv: no such file"))
    let refused = try await Daemon.run(
      "kedastral", ["backtest", "--prometheus", "http://127.0.0.1:1", "--query", "up"])
    #expect(refused.exitCode == 1)
    #expect(refused.output.contains("http://127.0.0.1:1: query up"))
  }
}
