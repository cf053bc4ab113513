import FoundationEssentials
import KedastralCore

/// One workload of `kedastral top` on a whole screen: figures, and a chart of load, forecast and upper quantile.
struct TopDetail {
  private static let eighths: [Character] = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"]

  let snapshot: Snapshot
  let history: TimeSeries?
  let size: TerminalSize

  var lines: [ScreenLine] {
    let below = facts
    let height = max(3, size.rows - below.count - 3)
    return [heading] + chart(height: height) + below
  }

  private var heading: ScreenLine {
    var line = ScreenLine(snapshot.workload.text, .heading)
    line.add("  \(snapshot.metric)")
    if let load = snapshot.currentValue { line.add("  load \(load.loadText)") }
    line.add("  forecast peak \((snapshot.values.max() ?? 0).loadText)", .forecast)
    line.add("  replicas \(snapshot.desiredReplicas.first ?? 0)…\(snapshot.desiredReplicas.max() ?? 0)", .good)
    return line
  }

  private var facts: [ScreenLine] {
    var lines = [ScreenLine()]
    func fact(_ name: String, _ text: String) {
      var line = ScreenLine()
      line.add(name, width: 10, .quiet)
      line.add(text)
      lines.append(line)
    }
    fact("replicas", replicas)
    var model = snapshot.model ?? "unknown"
    if let target = snapshot.targetPerPod { model += ", \(target.loadText) for a pod" }
    fact("model", model)
    if let accuracy = snapshot.accuracy, let text = Self.text(accuracy) { fact("accuracy", text) }
    if let reason = snapshot.reason { fact("why", reason) }
    fact("made", Timestamp.format(snapshot.generatedAt))
    return lines
  }

  /// The plan as changes: `3, from 14:05 5, from 14:20 4`.
  private var replicas: String {
    var words: [String] = []
    var last: Int?
    for (index, count) in snapshot.desiredReplicas.enumerated() where count != last {
      let instant = Timestamp.format(snapshot.generatedAt + snapshot.step * index).dropFirst(11).prefix(5)
      words.append(last == nil ? "\(count)" : "\(count) from \(instant)")
      last = count
    }
    return words.joined(separator: ", ") + " (UTC)"
  }

  private static func text(_ accuracy: Snapshot.Accuracy) -> String? {
    var words: [String] = []
    if let mase = accuracy.mase { words.append("MASE \(mase.text(2))") }
    if let error = accuracy.relativeError { words.append("off by \(error.percent(0)) of the load") }
    for (level, share) in (accuracy.coverage ?? [:]).sorted(by: { $0.key < $1.key }) {
      words.append("\(share.percent(0)) below the \(level) quantile")
    }
    return words.isEmpty ? nil : words.joined(separator: ", ")
  }

  /// Bars from the bottom: history, a rule, the forecast; a dot where the highest quantile is above its bar.
  private func chart(height: Int) -> [ScreenLine] {
    let room = max(2, size.columns - 10)
    let ahead = Sparkline.fitted(snapshot.values, width: room / 3)
    let upper = Sparkline.fitted(snapshot.quantiles.paths.last?.values ?? [], width: ahead.count)
    let behind = Sparkline.fitted(history?.values ?? [], width: room - ahead.count)
    let largest = max(1e-9, (behind + ahead + upper).filter(\.isFinite).max() ?? 0)
    func bar(_ value: Double, _ level: Int) -> Character {
      guard value.isFinite else { return " " }
      let eighths = Int((max(0, value) / largest * Double(height * 8)).rounded()) - level * 8
      return Self.eighths[min(max(0, eighths), 8)]
    }
    return (0..<height).map { row in
      let level = height - 1 - row
      let isLabelled = row == 0 || row == height / 2 || row == height - 1
      var line = ScreenLine()
      let value = largest * Double(level + (row == height - 1 ? 0 : 1)) / Double(height)
      line.add(isLabelled ? value.loadText : "", width: 8, toTheRight: true, .quiet)
      line.add(" ")
      line.add(String(behind.map { bar($0, level) }), width: room - ahead.count, toTheRight: true, .quiet)
      line.add("│")
      line.add(
        String(
          ahead.indices.map { index in
            let own = bar(ahead[index], level)
            guard own == " ", index < upper.count else { return own }
            return Int(upper[index] / largest * Double(height) * 0.9999) == level ? "·" : " "
          }), .forecast)
      return line
    }
  }
}
