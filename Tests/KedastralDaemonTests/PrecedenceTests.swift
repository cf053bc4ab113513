import KedastralCore
import Testing

@testable import KedastralDaemon

@Suite("A flag overrides the environment, which overrides the file, which overrides the default")
struct PrecedenceTests {
  /// A setting with four different values and a way to see which one holds.
  struct Case: CustomTestStringConvertible, Sendable {
    var flag: String
    var variable: String
    /// The lines of a file with `VALUE` where the value stands.
    var file: String
    /// By flag, by environment, by file.
    var values: [String]
    var defaultValue: String
    var seen: @Sendable (AllInOneConfiguration) -> String
    var testDescription: String { flag }
  }

  private static let workload = "workloads: [{name: api, metric: rps, source: {query: up}, KEY}]"

  private static func policy(_ key: String) -> String {
    workload.replacing("KEY", with: "policy: {\(key): VALUE}")
  }

  private static func own(_ key: String) -> String { workload.replacing("KEY", with: "\(key): VALUE") }

  private static func common(_ key: String) -> String {
    "defaults: {\(key): VALUE}\n" + workload.replacing(", KEY", with: "")
  }

  private static func host(_ lines: String) -> String { lines + "\n" + workload.replacing(", KEY", with: "") }

  static let all: [Case] = [
    Case(
      flag: "horizon", variable: "HORIZON", file: own("horizon"), values: ["1h", "2h", "3h"], defaultValue: "30m",
      seen: { DurationText.format($0.forecaster.workloads[0].horizon) }),
    Case(
      flag: "step", variable: "STEP", file: common("step"), values: ["2m", "3m", "5m"], defaultValue: "1m",
      seen: { DurationText.format($0.forecaster.workloads[0].step) }),
    Case(
      flag: "interval", variable: "INTERVAL", file: own("interval"), values: ["10s", "15s", "20s"],
      defaultValue: "30s", seen: { DurationText.format($0.forecaster.workloads[0].interval) }),
    Case(
      flag: "window", variable: "WINDOW", file: common("window"), values: ["1d", "2d", "3d"], defaultValue: "8d",
      seen: { DurationText.format($0.forecaster.workloads[0].window) }),
    Case(
      flag: "model", variable: "MODEL", file: own("model"), values: ["ets", "theta", "baseline"], defaultValue: "auto",
      seen: { $0.forecaster.workloads[0].model.name }),
    Case(
      flag: "target-per-pod", variable: "TARGET_PER_POD", file: policy("targetPerPod"), values: ["1.5", "2.5", "3.5"],
      defaultValue: "100.0", seen: { "\($0.forecaster.workloads[0].policy.targetPerPod)" }),
    Case(
      flag: "headroom", variable: "HEADROOM", file: policy("headroom"), values: ["1.5", "2.5", "3.5"],
      defaultValue: "1.2", seen: { "\($0.forecaster.workloads[0].policy.headroom)" }),
    Case(
      flag: "quantile-level", variable: "QUANTILE_LEVEL", file: policy("quantileLevel"),
      values: ["0.5", "0.75", "0.9"], defaultValue: "none",
      seen: { $0.forecaster.workloads[0].policy.quantileLevel.map { "\($0)" } ?? "none" }),
    Case(
      flag: "shortage-cost", variable: "SHORTAGE_COST", file: policy("shortageCost"), values: ["10.5", "20.5", "30.5"],
      defaultValue: "none", seen: { $0.forecaster.workloads[0].policy.shortageCost.map { "\($0)" } ?? "none" }),
    .init(
      flag: "objective", variable: "OBJECTIVE", file: policy("objective"), values: ["95%", "99%", "99.5%"],
      defaultValue: "none",
      seen: { $0.forecaster.workloads[0].policy.objective.map(PolicyConfiguration.text(ofObjective:)) ?? "none" }),
    Case(
      flag: "min", variable: "MIN_REPLICAS", file: policy("min"), values: ["2", "3", "4"], defaultValue: "1",
      seen: { "\($0.forecaster.workloads[0].policy.minReplicas)" }),
    Case(
      flag: "max", variable: "MAX_REPLICAS", file: policy("max"), values: ["2", "3", "4"], defaultValue: "100",
      seen: { "\($0.forecaster.workloads[0].policy.maxReplicas)" }),
    Case(
      flag: "rounding", variable: "ROUNDING", file: policy("rounding"), values: ["floor", "round", "floor"],
      defaultValue: "ceil", seen: { $0.forecaster.workloads[0].policy.rounding.rawValue }),
    Case(
      flag: "listen", variable: "LISTEN", file: host("listen: VALUE"), values: [":1", ":2", ":3"],
      defaultValue: ":8081", seen: { $0.forecaster.listen.description }),
    Case(
      flag: "scaler-listen", variable: "SCALER_LISTEN", file: host("scaler:\n  listen: VALUE"),
      values: [":1", ":2", ":3"], defaultValue: ":50051", seen: { $0.scaler.listen.description }),
    Case(
      flag: "lead-time", variable: "LEAD_TIME", file: host("scaler: {leadTime: VALUE}"), values: ["1m", "2m", "3m"],
      defaultValue: "5m", seen: { DurationText.format($0.scaler.leadTime) }),
    Case(
      flag: "stale-after", variable: "STALE_AFTER", file: host("scaler: {staleAfter: VALUE}"),
      values: ["3m", "4m", "5m"], defaultValue: "2m", seen: { DurationText.format($0.scaler.staleAfter) }),
    Case(
      flag: "log-format", variable: "LOG_FORMAT", file: host("log: {format: VALUE}"), values: ["json", "json", "json"],
      defaultValue: "text", seen: { $0.forecaster.log.format.rawValue }),
    Case(
      flag: "log-level", variable: "LOG_LEVEL", file: host("log: {level: VALUE}"), values: ["debug", "warn", "error"],
      defaultValue: "info", seen: { $0.forecaster.log.level.rawValue }),
  ]

  @Test("holds for every combination of given values", arguments: all, 0..<8)
  func precedence(setting: Case, given: Int) throws {
    let (byFlag, byVariable, byFile) = (given & 1 != 0, given & 2 != 0, given & 4 != 0)
    let file = setting.file.replacing("VALUE", with: byFile ? setting.values[2] : "")
    let configuration = try running(
      loader(file, environment: byVariable ? [setting.variable: setting.values[1]] : [:])
        .allInOne(arguments: ["-config=k.yaml"] + (byFlag ? ["-\(setting.flag)=\(setting.values[0])"] : [])))
    let expected =
      byFlag ? setting.values[0] : byVariable ? setting.values[1] : byFile ? setting.values[2] : setting.defaultValue
    #expect(setting.seen(configuration) == expected)
  }
}
