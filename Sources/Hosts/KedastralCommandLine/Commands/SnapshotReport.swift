import FoundationEssentials
import Glibc
import KedastralCore
import KedastralDaemon

/// The output of a forecast and its plan: a line of bars and a table, Markdown, or the snapshot's JSON.
struct SnapshotReport {
  let snapshot: Snapshot
  /// The load before it.
  let history: TimeSeries?

  func text(_ format: ForecastFormat, style: TextStyle, width: Int) throws -> String {
    switch format {
    case .json: String(decoding: try snapshot.json(), as: UTF8.self)
    case .yaml: try YAMLOutput.text(of: String(decoding: snapshot.json(), as: UTF8.self))
    case .sparkline: sparkline(style, width: width)
    case .markdown: table.markdown
    case .table:
      ([title(style)] + state(style) + [sparkline(style, width: width), "", table.text(style)]).joined(separator: "\n")
    }
  }

  private func title(_ style: TextStyle) -> String {
    var words = ["\(snapshot.workload)"]
    if let model = snapshot.model { words.append("model \(model)") }
    if let load = snapshot.currentValue {
      words.append("\(snapshot.metric) \(load.loadText)")
    } else if snapshot.newestSampleAt != nil {
      words.append(snapshot.absence(at: snapshot.generatedAt))
    }
    words.append("forecast from \(Timestamp.format(snapshot.generatedAt))")
    return style(words.joined(separator: " · "), .heading)
  }

  /// Problems and special states of the plan, one line each.
  private func state(_ style: TextStyle) -> [String] {
    let made = snapshot.generatedAt
    var lines: [String] = []
    if let short = snapshot.shortfallAhead(leadTime: .zero, at: made) {
      lines.append(style("\(short) from \(Timestamp.clock(short.begins, at: made))", .bad))
    }
    if snapshot.isDryRun { lines.append(style("dry run: the plan is not served", .warning)) }
    if let until = snapshot.bridgedUntil {
      lines.append(style("bridged by the forecast until \(Timestamp.clock(until, at: made))", .warning))
    }
    if let problem = snapshot.problem { lines.append(style("failing: \(problem)", .bad)) }
    return lines
  }

  /// History in muted bars, then the forecast in a third of the width, on one scale.
  private func sparkline(_ style: TextStyle, width: Int) -> String {
    let room = max(10, min(width, 160) - 1)
    let ahead = Sparkline.fitted(snapshot.values, width: history == nil ? room : room / 3)
    let behind = Sparkline.fitted(history?.values ?? [], width: room - ahead.count)
    let scale = Sparkline(for: behind, ahead)
    return (behind.isEmpty ? "" : style(scale.text(behind), .quiet) + "│") + style(scale.text(ahead), .forecast)
  }

  private var table: TextTable {
    let levels = snapshot.quantiles.paths
    let isCapped =
      snapshot.requiredReplicas.count == snapshot.desiredReplicas.count
      && zip(snapshot.requiredReplicas, snapshot.desiredReplicas).contains { $0 > $1 }
    let hasPlan = snapshot.plannedLoad.count == snapshot.values.count
    var table = TextTable(
      ["until", "load"]
        + levels.map { "p" + ($0.level * 100).text($0.level * 100 == ($0.level * 100).rounded() ? 0 : 1) }
        + (hasPlan ? ["planned"] : []) + ["replicas"] + (isCapped ? ["required"] : []), textColumns: 1)
    for index in snapshot.values.indices {
      let until = snapshot.generatedAt + snapshot.step * (index + 1)
      table.add(
        [String(Timestamp.format(until).prefix(19)), snapshot.values[index].loadText]
          + levels.map { $0.values[index].loadText } + (hasPlan ? [snapshot.plannedLoad[index].loadText] : [])
          + ["\(snapshot.desiredReplicas[index])"] + (isCapped ? ["\(snapshot.requiredReplicas[index])"] : []))
    }
    return table
  }
}

/// How a forecast is written.
enum ForecastFormat: String, CaseIterable {
  case table
  case sparkline
  case markdown
  case json
  case yaml

  static var names: [String] { allCases.map(\.rawValue) }

  /// What stands between two forecasts.
  var separator: String? {
    switch self {
    case .json: nil
    case .yaml: "---"
    case .table, .sparkline, .markdown: ""
    }
  }
}
