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
    struct Verdict: Decodable {
      var policy: String
      var hpa: String
      var startupSeconds: Double
      var podHoursRatio: Double
      var violationMinutesMore: Double
      var ratioAtEqualPodHours: Double?
      var text: String
    }
    var results: [Result]
    var equalPodHours: [Comparison]
    var verdicts: [Verdict]
  }

  @Test("reports violations, pod-hours and cost of each policy, and writes picture and pods")
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

  @Test("replays further margins from the same forecasts, each with a verdict of its own, and refuses what is not one")
  func margins() async throws {
    let folder = try TemporaryFolder()
    let arguments = [
      "replay", "--csv", try trace(in: folder), "--model", "baseline", "--interval", "30m", "--startup", "3m",
      "--policy", "hpa,kedastral", "--no-sweep", "--json", "--margin",
    ]
    let run = try await Daemon.run("kedastral", arguments + ["quantile=p95,headroom=3,objective=99%"])
    try #require(run.exitCode == 0, "\(run.output)")
    let replayed = try JSONDecoder().decode(Replayed.self, from: Data(run.output.utf8))
    let names = ["kedastral", "kedastral quantile=p95", "kedastral headroom=3", "kedastral objective=99%"]
    #expect(replayed.results.map(\.policy) == ["hpa"] + names)
    #expect(replayed.verdicts.map(\.policy) == names)
    let (given, wide) = (replayed.results[1], replayed.results[3])
    #expect(wide.podHours > 2 * given.podHours && wide.violationMinutes < given.violationMinutes)
    for (margin, problem) in [
      ("99%", "'99%' is not a margin"), ("luck=3", "is an unknown kind of margin"),
      ("quantile=2", "is outside the range"), ("headroom=-1", "is not a number above 0"),
    ] {
      let refused = try await Daemon.run("kedastral", arguments + [margin])
      #expect(refused.exitCode == 2 && refused.output.contains(problem), "\(refused.output)")
    }
  }

  /// The pods ordered at each sync, by its Unix seconds.
  private func desired(_ arguments: [String], in folder: TemporaryFolder) async throws -> [(instant: Double, pods: Int)]
  {
    let csv = folder.url.path + "/desired.csv"
    let run = try await Daemon.run(
      "kedastral", ["replay", "--policy", "kedastral", "--startup", "60s", "--desired-csv", csv] + arguments)
    try #require(run.exitCode == 0, "\(run.output)")
    return try String(contentsOfFile: csv, encoding: .utf8).split(separator: "\n").dropFirst().map { row in
      let fields = row.split(separator: ",", omittingEmptySubsequences: false)
      return (try #require(Double(fields[0])), try #require(Int(fields[2])))
    }
  }

  @Test("uses the schedules of a file's workload in its time zone, and flags override the file")
  func schedules() async throws {
    let folder = try TemporaryFolder()
    let file = try trace(in: folder)
    let settings = try folder.write(
      """
      defaults: {step: 5m, interval: 5m, model: seasonal-naive, source: {query: up}, metric: rps}
      workloads:
        - name: shop
          timeZone: Asia/Tokyo
          policy: {targetPerPod: 25, max: 100, schedules: [{begins: "0 21 * * *", duration: 1h, min: 90}]}
        - {name: idle}
      """, to: "kedastral.yaml")
    let arguments = ["--csv", file, "--config", settings, "--workload", "shop"]
    // Nine in the evening in Tokyo is noon; the trace's second day is played.
    let noon = 1_767_571_200.0 + 86_400 + 43_200
    let pods = try await desired(arguments, in: folder)
    #expect(pods.filter { $0.instant > noon && $0.instant < noon + 3600 }.allSatisfy { $0.pods == 90 })
    #expect(pods.filter { abs($0.instant - noon - 1800) > 3000 }.allSatisfy { $0.pods < 40 })
    let few = try await desired(arguments + ["--target-per-pod", "50"], in: folder)
    #expect(few.last.map(\.pods).map { 2 * $0 } == pods.last?.pods)

    let nobody = try await Daemon.run("kedastral", ["replay", "--csv", file, "--config", settings])
    #expect(nobody.exitCode == 2 && nobody.output.contains("write --workload NAME; the file has shop, idle"))
    let unknown = try await Daemon.run(
      "kedastral", ["forecast", "--csv", file, "--config", settings, "--workload", "shopp"])
    #expect(unknown.exitCode == 2 && unknown.output.contains("no workload 'shopp'; it has shop, idle"))
  }

  @Test("with a gate, plans for the current load when the model is inaccurate")
  func accuracyGate() async throws {
    let folder = try TemporaryFolder()
    // Days between 50 and 150, which seasonal-naive repeats in the last four hours, of 500.
    let lines = (0..<1440).map { index in
      let load = index < 1392 ? 100 - 50 * cos(2 * Double.pi * Double(index) / 288) : 500
      return "\(1_767_571_200 + 300 * index),\(load)"
    }
    let file = try folder.write("timestamp,value\n" + lines.joined(separator: "\n") + "\n", to: "jump.csv")
    let arguments = [
      "--csv", file, "--model", "seasonal-naive", "--step", "5m", "--target-per-pod", "50", "--headroom", "1",
      "--warmup", "116h",
    ]
    #expect(try await desired(arguments, in: folder).last?.pods == 2)
    #expect(try await desired(arguments + ["--accuracy-gate", "0.5"], in: folder).last?.pods == 10)
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

  @Test("ends with a verdict in words, as set and at equal pod-hours, and shows only what was given")
  func verdict() async throws {
    let folder = try TemporaryFolder()
    let arguments = [
      "replay", "--csv", try trace(in: folder), "--model", "baseline", "--interval", "30m", "--startup", "3m",
      "--policy", "hpa", "kedastral",
    ]
    let run = try await Daemon.run("kedastral", arguments + ["--json"])
    try #require(run.exitCode == 0, "\(run.output)")
    let replayed = try JSONDecoder().decode(Replayed.self, from: Data(run.output.utf8))
    #expect(replayed.results.map(\.policy) == ["hpa", "kedastral"] && replayed.equalPodHours.isEmpty)
    let verdict = try #require(replayed.verdicts.first)
    #expect(replayed.verdicts.count == 1 && verdict.hpa == "u=0.7" && verdict.startupSeconds == 180)
    let (hpa, own) = (replayed.results[0], replayed.results[1])
    #expect(abs(verdict.podHoursRatio - own.podHours / hpa.podHours) < 1e-9)
    #expect(verdict.violationMinutesMore == own.violationMinutes - hpa.violationMinutes)
    #expect(verdict.ratioAtEqualPodHours != nil)
    let table = try await Daemon.run("kedastral", arguments).output
    #expect(table.hasSuffix("\n\n\(verdict.text)\n"), "\(table)")
    #expect(verdict.text.contains("; at equal pod-hours "))
    // A sweep shows the same at equal pod-hours.
    let sweep = try await Daemon.run("kedastral", arguments + ["--sweep", "--json"])
    let swept = try JSONDecoder().decode(Replayed.self, from: Data(sweep.output.utf8))
    #expect(swept.verdicts.map(\.text) == [verdict.text] && swept.results.count > 30)
    #expect(
      swept.equalPodHours.first { $0.hpa == "u=0.7" && $0.policy == "kedastral" }?.ratio
        == verdict.ratioAtEqualPodHours)
    let short = try await Daemon.run("kedastral", arguments + ["--no-sweep"]).output
    #expect(short.hasSuffix("short of pods.\n") && !short.contains("at equal"), "\(short)")
    let both = try await Daemon.run("kedastral", arguments + ["--no-sweep", "--sweep"])
    #expect(both.exitCode == 2 && both.output.contains("--no-sweep and --sweep exclude each other"))
    let alone = try await Daemon.run("kedastral", Array(arguments.dropLast(2)) + ["kedastral", "--no-sweep"]).output
    #expect(!alone.contains("against hpa"))
  }

  @Test("perfect foresight obeys the maximum")
  func cappedOracle() async throws {
    let folder = try TemporaryFolder()
    let run = try await Daemon.run(
      "kedastral",
      [
        "replay", "--csv", try trace(in: folder), "--policy", "oracle", "hpa", "--startup", "60s", "--max", "6",
        "--target-per-pod", "50", "--json",
      ])
    try #require(run.exitCode == 0, "\(run.output)")
    let results = try JSONDecoder().decode(Replayed.self, from: Data(run.output.utf8)).results
    #expect(results[0].oracleRatio == 1 && results[0].violationMinutes > 0 && results[0].podHours <= 6 * 24)
    #expect(results[1].violationMinutes >= results[0].violationMinutes)
  }

  @Test("plays longer steps held by default, and reports the interpolation")
  func interpolation() async throws {
    let folder = try TemporaryFolder()
    let rows = (0..<300).map { "\(1_767_571_200 + 300 * $0),\($0 % 12 == 0 ? 100 : 20)" }
    let file = try folder.write("timestamp,value\n" + rows.joined(separator: "\n") + "\n", to: "spikes-5m.csv")
    let arguments = [
      "replay", "--csv", file, "--policy", "hpa", "hpa-unready", "persistence", "extrapolation", "--startup", "180s",
      "--pod-capacity", "10",
    ]
    let held = try await Daemon.run("kedastral", arguments)
    try #require(held.exitCode == 0, "\(held.output)")
    #expect(held.output.contains("Interpolation of steps of more than a minute: hold."))
    for control in ["hpa-unready", "persistence", "extrapolation"] { #expect(held.output.contains(control)) }
    let named = try await Daemon.run("kedastral", arguments + ["--interpolation", "hold"])
    #expect(named.output == held.output)
    let linear = try await Daemon.run("kedastral", arguments + ["--interpolation", "linear", "--json"])
    #expect(linear.output.contains(#""interpolation":"linear""#), "\(linear.output)")
    let unknown = try await Daemon.run("kedastral", arguments + ["--interpolation", "cubic"])
    #expect(unknown.exitCode == 2 && unknown.output.contains("choose one of hold, linear"))
  }

  @Test("a backtest looks back as far as the daemons do, or as the published tables when this is requested")
  func backtestWindow() async throws {
    let folder = try TemporaryFolder()
    let rows = (0..<6000).map { "\(1_767_571_200 + 300 * $0),\(50 + $0 / 288 % 9 * ($0 % 7))" }
    let file = try folder.write("timestamp,value\n" + rows.joined(separator: "\n") + "\n", to: "days-5m.csv")
    func errors(_ options: String...) async throws -> String {
      let run = try await Daemon.run(
        "kedastral", ["backtest", "--csv", file, "--model", "seasonal-naive", "-o", "markdown"] + options)
      try #require(run.exitCode == 0, "\(run.output)")
      return run.output.split(separator: "|").dropLast(3).joined(separator: "|")
    }
    let usual = try await errors()
    #expect(usual == (try await errors("--window", "8d")))
    let published = try await errors("--protocol", "published")
    #expect(published != usual)
    #expect(published == (try await errors("--window", "14d")))
  }

  @Test("a backtest reports the errors of each model for each load")
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

  @Test("an error relative to a load of zero is a dash in tables, and null in JSON")
  func withoutValue() async throws {
    let folder = try TemporaryFolder()
    let rows = (0..<2000).map { "\(1_767_571_200 + 300 * $0),\($0 < 1590 && $0 % 7 == 0 ? 5 : 0)" }
    let file = try folder.write("timestamp,value\n" + rows.joined(separator: "\n") + "\n", to: "gone-5m.csv")
    let arguments = ["backtest", "--csv", file, "--model", "croston"]
    for format in [[], ["-o", "markdown"]] {
      let run = try await Daemon.run("kedastral", arguments + format)
      #expect(run.exitCode == 0 && run.output.contains("–"), "\(run.output)")
      #expect(!run.output.contains("e+") && !run.output.contains("nan"), "\(run.output)")
    }
    let json = try await Daemon.run("kedastral", arguments + ["--json"])
    #expect(json.output.contains(#""wmape":null"#), "\(json.output)")
  }

  @Test("a replay of a zero load has no ratio to perfect foresight, which uses no pods")
  func withoutFigures() async throws {
    let folder = try TemporaryFolder()
    let rows = (0..<600).map { "\(1_767_571_200 + 60 * $0),\($0 < 200 ? 50 : 0)" }
    let file = try folder.write("timestamp,value\n" + rows.joined(separator: "\n") + "\n", to: "gone-1m.csv")
    let arguments = [
      "replay", "--csv", file, "--policy", "hpa", "--startup", "60s", "--min", "0", "--warmup", "5h",
      "--pod-capacity", "10",
    ]
    let table = try await Daemon.run("kedastral", arguments)
    #expect(table.exitCode == 0 && table.output.contains("–"), "\(table.output)")
    let json = try await Daemon.run("kedastral", arguments + ["--json"])
    #expect(json.output.contains(#""oracleRatio":null"#), "\(json.output)")
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
    "a usage error exits with 2 and states what is expected",
    arguments: [
      (["replay"], "no load given; write --csv FILE or --prometheus URL"),
      (["replay", "--csv", "a.csv", "--polcy", "hpa"], "unknown option --polcy; did you mean --policy?"),
      (["replay", "--csv", "a.csv", "--policy", "hpaa"], "'hpaa' is unknown; did you mean hpa?"),
      (["replay", "--csv", "a.csv", "--startup", "soon"], "'soon' is not a duration"),
      (["replay", "--csv", "a.csv", "--target-per-pod", "-5"], "the target per pod -5.0 is not positive"),
      (["replay", "--csv", "a.csv", "--model", "autp"], "'autp' is unknown; did you mean auto?"),
      (["replay", "--prometheus", "http://127.0.0.1:1"], "--prometheus needs --query PROMQL"),
      (["backtest", "--csv", "a.csv", "--protocol", "x"], "choose one of rolling-origin"),
      (["backtest", "--csv", "a.csv", "--days", "3"], "--days needs --prometheus URL"),
      (["backtest", "--csv"], "--csv needs a value"),
      (["replay", "--csv", "a.csv", "--workload", "api"], "--workload needs --config FILE"),
      (["forecast", "--csv", "a.csv", "--config", "/nonexistent.yaml"], "cannot read '/nonexistent.yaml'"),
    ])
  func askedWrongly(arguments: [String], problem: String) async throws {
    let run = try await Daemon.run("kedastral", arguments)
    #expect(run.exitCode == 2)
    #expect(run.output.contains(problem), "\(run.output)")
  }

  @Test("a failure exits with 1 and names the file or the server")
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
