import Foundation
import KedastralCore
import TestSupport
import Testing

@testable import KedastralCommandLine
@testable import KedastralDaemon

@Suite("kedastral forecast")
struct ForecastCommandTests {
  /// Two days of a load that follows the time of day, by the minute.
  private func trace(in folder: TemporaryFolder) throws -> String {
    let lines = (0..<2880).map { minute in
      "\(1_767_571_200 + 60 * minute),\(200 - 150 * cos(2 * Double.pi * Double(minute % 1440) / 1440))"
    }
    return try folder.write("timestamp,value\n" + lines.joined(separator: "\n") + "\n", to: "my shop-1m.csv")
  }

  @Test("forecasts and plans a file once, as a document that a forecaster would serve, and as a picture")
  func once() async throws {
    let folder = try TemporaryFolder()
    let svg = folder.url.path + "/shop.svg"
    let run = try await Daemon.run(
      "kedastral",
      [
        "forecast", "--csv", try trace(in: folder), "--model", "baseline", "--horizon", "1h", "--target-per-pod", "10",
        "--quantile", "p95,0.5", "--svg", svg, "-o", "json",
      ])
    #expect(run.exitCode == 0, "\(run.output)")
    let snapshot = try Snapshot(json: Data(run.output.utf8))
    #expect(snapshot.workload.text == "my-shop-1m" && snapshot.model == "baseline")
    #expect(snapshot.values.count == 60 && snapshot.targetPerPod == 10)
    // Midnight: the load is at its least, 50, and rises a little.
    #expect(snapshot.values.allSatisfy { $0 > 45 && $0 < 70 })
    #expect(snapshot.desiredReplicas[0] == Int((snapshot.plannedLoad[0] / 10).rounded(.up)))
    #expect(try String(contentsOfFile: svg, encoding: .utf8).hasPrefix("<svg"))
  }

  @Test("baseline and auto find the daily pattern of four noisy days", arguments: ["baseline", "auto"])
  func noisyDays(model: String) async throws {
    let folder = try TemporaryFolder()
    var generator = SystemRandomNumberGenerator()
    let lines = (0..<5760).map { minute in
      let noise = 1 + Double.random(in: -0.17...0.17, using: &generator)
      return "\(1_785_542_400 + 60 * minute),\((20 + 16 * sin(2 * Double.pi * Double(minute) / 1440)) * noise)"
    }
    let file = try folder.write("timestamp,value\n" + lines.joined(separator: "\n") + "\n", to: "daily-1m.csv")
    let run = try await Daemon.run(
      "kedastral", ["forecast", "--csv", file, "--model", model, "--horizon", "12h", "-o", "json"])
    #expect(run.exitCode == 0, "\(run.output)")
    let snapshot = try Snapshot(json: Data(run.output.utf8))
    if model == "baseline" { #expect(snapshot.reason?.contains("seasons of 1440 steps") == true) }
    #expect(snapshot.reason?.contains("within it") == false, "\(snapshot.reason ?? "")")
    let truth = (0..<720).map { 20 + 16 * sin(2 * Double.pi * Double($0) / 1440) }
    let error = zip(snapshot.values, truth).map { abs($0 - $1) }.reduce(0, +) / truth.reduce(0, +)
    #expect(error < 0.1)
  }

  /// Five days of quarters of hours of a load that follows another by half an hour, in two files, and a schedule that helps nothing.
  private func covariates(in folder: TemporaryFolder) throws -> (load: String, frontend: String, sales: String) {
    var generator = SyntheticLoad.Generator(seed: 3)
    var (wander, path) = (0.0, [Double]())
    for _ in 0..<482 {
      wander = 0.97 * wander + 0.25 * generator.noise()
      path.append(wander)
    }
    func text(_ lag: Int, _ noise: Double) -> String {
      let rows = (0..<480).map {
        "\(1_767_571_200 + 900 * $0),\(500 + 80 * path[$0 + lag] + noise * generator.noise())"
      }
      return "timestamp,value\n" + rows.joined(separator: "\n") + "\n"
    }
    return (
      try folder.write(text(0, 2), to: "checkout.csv"), try folder.write(text(2, 1), to: "frontend.csv"),
      try folder.write("time,value\n2026-01-07 12:00,1\n2026-01-07 13:00,0\n", to: "sales.csv")
    )
  }

  @Test("uses series of files as covariates, and says which lag they have and which do not help")
  func covariates() async throws {
    let folder = try TemporaryFolder()
    let files = try covariates(in: folder)
    let options = [
      "--csv", files.load, "--covariate", "frontend=\(files.frontend)", "--schedule", "sales=\(files.sales)",
    ]
    let run = try await Daemon.run("kedastral", ["forecast"] + options + ["--horizon", "2h", "-o", "json"])
    #expect(run.exitCode == 0, "\(run.output)")
    let reason = try #require(try Snapshot(json: Data(run.output.utf8)).reason)
    #expect(reason.contains("covariates: frontend: the load follows it by 30 minutes, error "), "\(reason)")
    #expect(reason.contains("sales: not used, "), "\(reason)")
    func mase(_ options: [String]) async throws -> Double {
      let run = try await Daemon.run(
        "kedastral", ["backtest"] + options + ["--step", "15m", "--horizon", "30m", "--json"])
      let document = try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any]
      let results = try #require(document?["results"] as? [[String: Any]], "\(run.output)")
      return try #require(results.first?["mase"] as? Double)
    }
    let (with, without) = (try await mase(options), try await mase(Array(options.prefix(2))))
    #expect(with < 0.6 * without, "\(with) of \(without)")
  }

  @Test(
    "an invalid covariate is an error of usage",
    arguments: [
      (["--covariate", "frontend"], "is not NAME=FILE"), (["--covariate", "a=/nowhere.csv"], "/nowhere.csv"),
      (["--schedule", "a=/nowhere.csv"], "cannot read '/nowhere.csv'"),
    ])
  func invalidCovariate(options: [String], words: String) async throws {
    let folder = try TemporaryFolder()
    let run = try await Daemon.run("kedastral", ["forecast", "--csv", try trace(in: folder)] + options)
    #expect(run.exitCode != 0 && run.output.contains(words), "\(run.output)")
  }

  @Test("baseline follows the time zone: nine o'clock stays nine o'clock when the clocks go forward")
  func timeZone() async throws {
    let folder = try TemporaryFolder()
    // New York; the clocks go forward at 7:00Z on 2026-03-08.
    let end = 1_772_953_200, count = 5 * 288
    let lines = (0..<count).map { index in
      let instant = end - (count - 1 - index) * 300
      let local = (instant + (instant < 1_772_953_200 ? -18_000 : -14_400)) % 86_400
      return "\(instant),\((9 * 3600..<17 * 3600).contains(local) ? 500 : 100)"
    }
    let file = try folder.write("timestamp,value\n" + lines.joined(separator: "\n") + "\n", to: "shop-5m.csv")
    let run = try await Daemon.run(
      "kedastral",
      [
        "forecast", "--csv", file, "--model", "baseline", "--step", "5m", "--horizon", "12h", "--time-zone",
        "America/New_York", "-o", "json",
      ])
    #expect(run.exitCode == 0, "\(run.output)")
    let snapshot = try Snapshot(json: Data(run.output.utf8))
    let first = try #require(snapshot.values.firstIndex { $0 > 300 })
    let instant = Int(snapshot.generatedAt.timeIntervalSince1970) + (first + 1) * 300
    #expect(abs((instant - 14_400) % 86_400 - 9 * 3600) <= 300, "\(Timestamp.format(snapshot.generatedAt)) + \(first)")
  }

  @Test("uses step, horizon, model, policy and schedules of a workload in a file")
  func workloadOfFile() async throws {
    let folder = try TemporaryFolder()
    // The load ends at nine in the morning in Tokyo.
    let settings = try folder.write(
      """
      workloads:
        - {name: shop, metric: rps, source: {query: up}, timeZone: Asia/Tokyo, step: 5m, horizon: 1h, model: baseline,
           policy: {targetPerPod: 10, schedules: [{begins: "0 9 * * *", duration: 30m, min: 40}]}}
      """, to: "kedastral.yaml")
    let run = try await Daemon.run(
      "kedastral", ["forecast", "--csv", try trace(in: folder), "--config", settings, "-o", "json"])
    #expect(run.exitCode == 0, "\(run.output)")
    let snapshot = try Snapshot(json: Data(run.output.utf8))
    #expect(snapshot.model == "baseline" && snapshot.step == .seconds(300) && snapshot.targetPerPod == 10)
    #expect(snapshot.values.count == 12)
    #expect(snapshot.desiredReplicas.count { $0 == 40 } == 6, "\(snapshot.desiredReplicas)")
    #expect(snapshot.desiredReplicas.last ?? 40 < 20)
    #expect(snapshot.reason?.contains("a schedule bounds the replicas") == true)
  }

  @Test("a line of bars shows the load and, after a separator, the forecast")
  func sparkline() async throws {
    let folder = try TemporaryFolder()
    let run = try await Daemon.run(
      "kedastral",
      ["forecast", "--csv", try trace(in: folder), "--step=30m", "--model", "seasonal-naive", "-o", "sparkline"])
    let parts = run.output.split(separator: "│")
    #expect(run.exitCode == 0 && parts.count == 2, "\(run.output)")
    #expect(run.output.allSatisfy { "▁▂▃▄▅▆▇█│ \n".contains($0) })
  }

  @Test("bars share a scale, a missing value is a space, and a narrow line keeps the peak")
  func bars() {
    #expect(Sparkline(largest: 700).text([0, 70, 350, .nan, 700, 900]) == "▁▁▄ ██")
    #expect(Sparkline(for: []).text([0, 0]) == "▁▁")
    #expect(Sparkline.fitted([1, 9, 2, 3, .nan, .nan], width: 3).map { $0.isNaN ? -1 : $0 } == [9, 3, -1])
    #expect(Sparkline.fitted([1, 2], width: 5) == [1, 2])
  }

  @Test("any text is converted to a valid workload name")
  func names() {
    #expect(OneForecast.workloadName("sum(rate(a_b[1m]))") == "sum-rate-a-b-1m")
    #expect(OneForecast.workloadName("…") == "load")
    #expect(WorkloadName.isValid(OneForecast.workloadName(String(repeating: "ab-", count: 200))))
  }

  @Test("uses colours only on terminals, and not with NO_COLOR or a dumb terminal")
  func colours() {
    #expect(TextStyle.allows([:]) && TextStyle.allows(["NO_COLOR": ""]))
    #expect(!TextStyle.allows(["NO_COLOR": "1"]) && !TextStyle.allows(["TERM": "dumb"]))
    #expect(TextStyle.plain("x", .bad) == "x")
    #expect(TextStyle(isColored: true)("x", .bad) == "\u{1B}[31mx\u{1B}[0m")
  }

  @Test("a progress bar grows with the completed share, and fits its line")
  func progress() {
    #expect(ProgressLine.line("api", share: 0, width: 80) == String(repeating: "─", count: 30) + "   0 % api")
    #expect(ProgressLine.line("api", share: 1, width: 80) == String(repeating: "━", count: 30) + " 100 % api")
    #expect(ProgressLine.line(String(repeating: "x", count: 200), share: 0.5, width: 60).count == 59)
  }
}
