import FoundationEssentials
import Glibc
import KedastralCore

/// The accuracy of models on traces, as a table or JSON.
struct AccuracyReport {
  struct Entry {
    var trace: String
    var model: String
    var result: Backtest.Result
  }

  var entries: [Entry] = []

  /// Runs every model over every file; a name that ends in `.long.csv` is the M4 long format, hourly.
  init(models: [any Model], files: [String]) async throws {
    for file in files {
      let text = try String(contentsOf: URL(filePath: file), encoding: .utf8)
      let name = String(file.split(separator: "/").last ?? "")
      let trace = name.hasSuffix(".long.csv") ? String(name.dropLast(9)) : String(name.dropLast(4))
      for model in models {
        let result =
          name.hasSuffix(".long.csv")
          ? try await Self.splitResult(model, TraceText.splitSeries(text))
          : try await Self.rollingResult(model, TraceText.series(text))
        if let result { entries.append(Entry(trace: trace, model: model.name, result: result)) }
      }
    }
  }

  private static func rollingResult(_ model: any Model, _ series: TimeSeries) async throws -> Backtest.Result? {
    try await Backtest(.standard(step: series.step)).run(model, on: series, cpuSeconds: cpuSeconds)
  }

  private static func splitResult(
    _ model: any Model, _ all: [TraceText.SplitSeries]
  ) async throws -> Backtest.Result? {
    let backtest = Backtest(RollingOrigin(horizon: 48, window: .max, season: 24))
    var results: [Backtest.Result] = []
    for series in all {
      let history = TimeSeries(start: Date(timeIntervalSince1970: 0), step: .seconds(3600), values: series.train)
      let result = try await backtest.run(model, history: history, test: series.test, cpuSeconds: cpuSeconds)
      if let result { results.append(result) }
    }
    return Backtest.Result.mean(results)
  }

  /// The CPU time of this process.
  private static func cpuSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }

  /// A table for people.
  func table() -> String {
    var lines = [
      "trace                        model       MASE  wMAPE  pin0.5 pin0.9 pin0.95 cov0.9 cov0.95  fit ms  forecast ms"
    ]
    for entry in entries {
      let (score, result) = (entry.result.score, entry.result)
      let numbers = [
        number(score.mase, 8, 4), number(score.wmape, 7, 3), number(score.pinball[0.5] ?? .nan, 7, 3),
        number(score.pinball[0.9] ?? .nan, 7, 3), number(score.pinball[0.95] ?? .nan, 7, 3),
        number(score.coverage[0.9] ?? .nan, 7, 3), number(score.coverage[0.95] ?? .nan, 7, 3),
        number(result.fitMillis, 9, 1), number(result.forecastMillis, 9, 3),
      ]
      lines.append(padded(entry.trace, 29) + padded(entry.model, 10) + numbers.joined())
    }
    return lines.joined(separator: "\n")
  }

  /// One entry a trace and model.
  func json() throws -> String {
    struct Output: Encodable {
      var results: [Row]
    }
    struct Row: Encodable {
      var trace: String
      var model: String
      var mase: Double
      var wmape: Double
      var rmse: Double
      var pinball: [String: Double]
      var coverage: [String: Double]
      var fitMillis: Double
      var forecastMillis: Double
    }
    func named(_ values: [Double: Double]) -> [String: Double] {
      Dictionary(uniqueKeysWithValues: values.map { ("\($0.key)", $0.value) })
    }
    let rows = entries.map { entry in
      let score = entry.result.score
      return Row(
        trace: entry.trace, model: entry.model, mase: score.mase, wmape: score.wmape, rmse: score.rmse,
        pinball: named(score.pinball), coverage: named(score.coverage), fitMillis: entry.result.fitMillis,
        forecastMillis: entry.result.forecastMillis)
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    return String(decoding: try encoder.encode(Output(results: rows)), as: UTF8.self)
  }

  private func number(_ value: Double, _ width: Int, _ digits: Int) -> String {
    guard value.isFinite else { return padded("-", width, left: true) }
    let scale = [1, 10, 100, 1000, 10_000][digits]
    let rounded = Int((value * Double(scale)).rounded())
    let fraction = String(rounded % scale)
    return padded(
      "\(rounded / scale)." + String(repeating: "0", count: digits - fraction.count) + fraction, width, left: true)
  }

  private func padded(_ text: String, _ width: Int, left: Bool = false) -> String {
    let space = String(repeating: " ", count: max(0, width - text.count))
    return left ? space + text : text + space
  }
}
