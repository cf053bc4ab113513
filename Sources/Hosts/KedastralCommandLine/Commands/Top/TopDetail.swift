import FoundationEssentials
import KedastralCore
import KedastralDaemon

/// One workload of `kedastral top` in full screen: numbers, and a chart of load, forecast and upper quantile.
struct TopDetail {
  private static let eighths: [Character] = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"]

  let row: WorkloadRow
  /// Its newest plan; nil before the first one.
  let snapshot: Snapshot?
  let history: TimeSeries?
  let size: TerminalSize

  var lines: [ScreenLine] {
    guard let snapshot else { return [heading] + state }
    let below = facts(snapshot)
    let height = max(3, size.rows - below.count - state.count - 3)
    return [heading] + state + chart(snapshot, height: height) + below
  }

  private var heading: ScreenLine {
    var line = ScreenLine(row.workload.text, .heading)
    line.add("  \(row.metric)")
    line.add("  " + (row.load.map { "load \($0.loadText)" } ?? row.absence ?? "no plan yet"))
    if let peak = row.peakLoad { line.add("  forecast peak \(peak.loadText)", .forecast) }
    if let peak = row.peakReplicas {
      line.add("  replicas \(row.replicas.map(String.init) ?? "–")…\(peak)", row.role ?? .good)
    }
    return line
  }

  /// Problems and special states, one line each.
  private var state: [ScreenLine] {
    var lines: [ScreenLine] = []
    if row.isCapped, let replicas = row.replicas, let required = row.required {
      lines.append(ScreenLine("capped at \(replicas): the load needs \(required)", .bad))
    }
    if row.isDryRun { lines.append(ScreenLine("dry run: the plan is not served", .warning)) }
    if let snapshot, let until = snapshot.bridgedUntil {
      lines.append(
        ScreenLine("bridged by the forecast until \(Timestamp.clock(until, at: snapshot.generatedAt))", .warning))
    }
    if row.isStale { lines.append(ScreenLine("stale: the plan is not served", .bad)) }
    if let problem = row.problem { lines.append(ScreenLine(problem, .bad)) }
    return lines
  }

  private func facts(_ snapshot: Snapshot) -> [ScreenLine] {
    var lines = [ScreenLine()]
    func fact(_ name: String, _ text: String) {
      var line = ScreenLine()
      line.add(name, width: 10, .quiet)
      line.add(text)
      lines.append(line)
    }
    fact("replicas", replicas(snapshot))
    var model = snapshot.model ?? "unknown"
    if let target = snapshot.targetPerPod { model += ", \(target.loadText) per pod" }
    fact("model", model)
    if let accuracy = snapshot.accuracy, let text = Self.text(accuracy, step: snapshot.step) { fact("accuracy", text) }
    if let reason = snapshot.reason { fact("why", reason) }
    fact("made", Timestamp.format(snapshot.generatedAt))
    return lines
  }

  /// The plan as changes: `3, from 14:05 5, from 14:20 4`.
  private func replicas(_ snapshot: Snapshot) -> String {
    var words: [String] = []
    var last: Int?
    for (index, count) in snapshot.desiredReplicas.enumerated() where count != last {
      let instant = Timestamp.format(snapshot.generatedAt + snapshot.step * index).dropFirst(11).prefix(5)
      words.append(last == nil ? "\(count)" : "\(count) from \(instant)")
      last = count
    }
    return words.joined(separator: ", ") + " (UTC)"
  }

  private static func text(_ accuracy: Snapshot.Accuracy, step: Duration) -> String? {
    var words: [String] = []
    if let error = accuracy.relativeError {
      words.append(
        "typically off by \(error.percent(0)), \(DurationText.format(step * Forecast.stepsJudged(step))) ahead")
    }
    if let mase = accuracy.mase { words.append("MASE \(mase.text(2))") }
    for (level, share) in (accuracy.coverage ?? [:]).sorted(by: { $0.key < $1.key }) {
      words.append("\(share.percent(0)) below the \(level) quantile")
    }
    return words.isEmpty ? nil : words.joined(separator: ", ")
  }

  /// Vertical bars: history, a separator, the forecast; a dot where the highest quantile is above its bar.
  private func chart(_ snapshot: Snapshot, height: Int) -> [ScreenLine] {
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
