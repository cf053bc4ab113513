import Foundation
import KedastralCore
import TestSupport
import Testing

@Suite("Golden: the commands' JSON")
struct CommandGoldenTests {
  /// Two weeks of a load in whole numbers that repeats itself each day, by the half hour.
  private func trace(in folder: TemporaryFolder) throws -> String {
    let lines = (0..<672).map { "\(1_767_571_200 + 1800 * $0),\(50 + 10 * min($0 % 48, 48 - $0 % 48))" }
    return try folder.write("timestamp,value\n" + lines.joined(separator: "\n") + "\n", to: "shop.csv")
  }

  @Test("the forecast and plan of a periodic load are those recorded")
  func forecast() async throws {
    let folder = try TemporaryFolder()
    let output = try await Kedastral.run(
      "kedastral", "forecast", "--csv", try trace(in: folder), "--model", "seasonal-naive", "--horizon", "6h",
      "--target-per-pod", "20", "--headroom", "1.5", "-o", "json")
    let document = try JSONDocument(json: output)
    try Golden.check("command-forecast", document.without("accuracy", "quantiles", "reason"))
    try Golden.check("command-forecast-shape", document.shape)
  }

  @Test("backtest and replay report in the recorded shape")
  func measurements() async throws {
    let folder = try TemporaryFolder()
    let csv = try trace(in: folder)
    let backtest = try await Kedastral.run(
      "kedastral", "backtest", "--csv", csv, "--model", "seasonal-naive", "-o", "json")
    try Golden.check("command-backtest-shape", try JSONDocument(json: backtest).shape)
    let replay = try await Kedastral.run(
      "kedastral", "replay", "--csv", csv, "--warmup", "330h", "--startup", "60s", "--interval", "30m", "--model",
      "seasonal-naive", "-o",
      "json"
    )
    try Golden.check("command-replay-shape", try JSONDocument(json: replay).shape)
  }

  @Test("check reports in the recorded shape")
  func check() async throws {
    let folder = try TemporaryFolder()
    let file = try folder.write(
      """
      workloads:
        - {name: shop, metric: rps, source: {type: csv, path: \(try trace(in: folder))}, step: 30m, horizon: 6h,
           model: seasonal-naive, policy: {targetPerPod: 20}}
      """, to: "kedastral.yaml")
    let output = try await Kedastral.run("kedastral", "check", "-config", file, "-o", "json")
    try Golden.check("command-check-shape", try JSONDocument(json: output).shape)
  }

  @Test("a forecaster's responses have the recorded shape")
  func questions() async throws {
    let forecaster = try await StandingForecaster(at: SystemWallClock().now)
    for (name, words) in [
      ("command-get-workloads-shape", ["get", "workloads"]),
      ("command-get-forecast-shape", ["get", "forecast", "api-app"]),
      ("command-explain-shape", ["explain", "api-app"]), ("command-report-shape", ["report"]),
      ("command-top-shape", ["top"]),
    ] {
      let process = try Kedastral.start(arguments: words + ["--server", forecaster.url, "-o", "json"])
      #expect(try await process.waitForExit() == 0, "\(words): \(process.output)")
      try Golden.check(name, try JSONDocument(json: process.output).shape)
    }
    await forecaster.close()
  }
}
