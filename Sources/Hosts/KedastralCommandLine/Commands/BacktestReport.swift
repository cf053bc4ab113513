import Glibc
import KedastralCore
import KedastralDaemon
import KedastralEvaluation
import KedastralHTTP

/// The results of a backtest, as a table, a page, or JSON.
struct BacktestReport {
  private struct Entry {
    let trace: String
    let model: String
    let result: Backtest.Result
  }

  private static let pinballLevels = [0.5, 0.9, 0.95]
  private static let coverageLevels = [0.9, 0.95]

  private var entries: [Entry] = []

  mutating func add(trace: String, model: String, _ result: Backtest.Result) {
    entries.append(Entry(trace: trace, model: model, result: result))
  }

  func text(_ format: ReportFormat) -> String {
    switch format {
    case .table: table.text
    case .markdown: table.markdown
    case .json: String(decoding: json, as: UTF8.self)
    }
  }

  private var table: TextTable {
    var table = TextTable(
      ["trace", "model", "MASE", "wMAPE", "RMSE"] + Self.pinballLevels.map { "pinball \($0.shortText)" }
        + Self.coverageLevels.map { "coverage \($0.shortText)" } + ["fit ms", "forecast ms"], textColumns: 2)
    for entry in entries { table.add(row(entry)) }
    let models = entries.reduce(into: [String]()) { if !$0.contains($1.model) { $0.append($1.model) } }
    for model in models {
      let own = entries.filter { $0.model == model }
      if own.count > 1, let mean = mean(own) { table.add(row(mean)) }
    }
    return table
  }

  private func row(_ entry: Entry) -> [String] {
    let score = entry.result.score
    return [
      entry.trace, entry.model, score.mase.text(3), score.wmape.text(3),
      score.rmse.isFinite ? score.rmse.significant : "–",
    ]
      + Self.pinballLevels.map { (score.pinball[$0] ?? .nan).text(4) }
      + Self.coverageLevels.map { (score.coverage[$0] ?? .nan).text(3) }
      + [entry.result.fitMillis.text(1), entry.result.forecastMillis.text(3)]
  }

  /// Over all loads: the geometric mean of scaled errors, so that one hard load does not dominate. Errors in the load's
  /// own unit are not averaged.
  private func mean(_ entries: [Entry]) -> Entry? {
    guard var result = Backtest.Result.mean(entries.map(\.result)) else { return nil }
    result.score.mase = geometricMean(entries.map(\.result.score.mase))
    result.score.rmse = .nan
    for level in result.score.pinball.keys {
      result.score.pinball[level] = geometricMean(entries.compactMap { $0.result.score.pinball[level] })
    }
    return Entry(trace: "mean", model: entries[0].model, result: result)
  }

  /// The geometric mean of the finite values; NaN if there are none.
  private func geometricMean(_ values: [Double]) -> Double {
    let known = values.filter { !$0.isNaN }
    return exp(known.map { log(max($0, 1e-12)) }.reduce(0, +) / Double(known.count))
  }

  private var json: [UInt8] {
    var text = JSONText()
    text.object {
      $0.member("results") {
        $0.array(entries) { text, entry in
          let score = entry.result.score
          text.object {
            $0.member("trace", entry.trace)
            $0.member("model", entry.model)
            $0.member("mase", score.mase)
            $0.member("wmape", score.wmape)
            $0.member("rmse", score.rmse)
            $0.member("pinball") { Self.write(score.pinball, to: &$0) }
            $0.member("coverage") { Self.write(score.coverage, to: &$0) }
            $0.member("origins", Double(entry.result.originCount))
            $0.member("fitMillis", entry.result.fitMillis)
            $0.member("forecastMillis", entry.result.forecastMillis)
          }
        }
      }
    }
    return text.bytes
  }

  private static func write(_ values: [Double: Double], to text: inout JSONText) {
    text.object { for (level, value) in values.sorted(by: { $0.key < $1.key }) { $0.member(level.shortText, value) } }
  }
}

extension Double {
  /// With about four significant digits.
  fileprivate var significant: String {
    switch magnitude {
    case 1000...: text(0)
    case 10...: text(2)
    default: text(4)
    }
  }
}
