import FoundationEssentials
import KedastralCore
import KedastralDaemon
import KedastralEvaluation
import KedastralHTTP

/// The results of a replay, as tables, a page, or JSON.
struct ReplayReport {
  /// One load's outcomes.
  private struct Entry {
    let trace: String
    let podCapacity: Double
    let interpolation: ReplayLoad.Interpolation?
    let outcomes: [Replay.Outcome]
    let verdicts: [ReplayVerdict]
  }

  private let price: Double?
  private var entries: [Entry] = []

  init(price: Double?) { self.price = price }

  /// Adds a load.
  ///
  /// - Parameter outcomes: those that are shown; comparisons at equal pod-hours are of a sweep among them.
  mutating func add(
    trace: String, _ replay: Replay, _ outcomes: [Replay.Outcome], verdicts: [ReplayVerdict] = []
  ) {
    entries.append(
      Entry(
        trace: trace, podCapacity: replay.podCapacity, interpolation: replay.load.interpolation, outcomes: outcomes,
        verdicts: verdicts))
  }

  func text(_ format: ReportFormat) -> String {
    switch format {
    case .json: return String(decoding: json, as: UTF8.self)
    case .table:
      return
        ([figures.text] + (comparison.map { ["", "At equal pod-hours:", $0.text] } ?? []) + interpolationNote
        + verdicts)
        .joined(separator: "\n")
    case .markdown:
      return
        ([figures.markdown] + (comparison.map { ["", $0.markdown] } ?? []) + interpolationNote
        + verdicts)
        .joined(separator: "\n")
    }
  }

  /// What the minutes within longer steps were made of; empty when every load has steps of at most a minute.
  private var interpolationNote: [String] {
    guard let kind = entries.lazy.compactMap(\.interpolation).first else { return [] }
    return ["", "Interpolation of steps of more than a minute: \(kind.rawValue)."]
  }

  /// The verdicts in words; empty when kedastral was not compared with hpa.
  private var verdicts: [String] {
    let lines = entries.flatMap { entry in
      entry.verdicts.map { (entries.count > 1 ? "\(entry.trace): " : "") + $0.text }
    }
    return lines.isEmpty ? [] : [""] + lines
  }

  private var figures: TextTable {
    var table = TextTable(
      ["trace", "startup", "policy", "knob", "violation min", "of time", "unserved", "pod-hours", "× oracle"]
        + (price == nil ? [] : ["cost"]), textColumns: 4)
    for entry in entries {
      for outcome in entry.outcomes {
        let figures = outcome.figures
        table.add(
          [
            entry.trace, DurationText.format(outcome.startup), outcome.policy, outcome.knob,
            figures.violationMinutes.text(2), figures.violationShare.percent(2), figures.unservedShare.percent(3),
            figures.podHours.text(1), figures.oracleRatio.text(3),
          ] + (price.map { [figures.cost(pricePerPodHour: $0).text(2)] } ?? []))
      }
    }
    return table
  }

  /// One row for each setting of hpa: the values of the other policies' frontiers at the same pod-hours. Nil without a
  /// sweep.
  private var comparison: TextTable? {
    let rows = entries.flatMap { entry in FrontierComparison.all(entry.outcomes).map { (entry.trace, $0) } }
    guard !rows.isEmpty else { return nil }
    var table = TextTable(
      ["trace", "startup", "hpa at", "policy", "pod-hours", "hpa's violation min", "violation min", "ratio"],
      textColumns: 4)
    for (trace, row) in rows {
      table.add([
        trace, DurationText.format(row.startup), row.knob, row.policy, row.podHours.text(1),
        row.reactiveMinutes.text(2),
        row.minutes.map { $0.text(2) } ?? "–", row.ratio.map { $0.text(3) } ?? "–",
      ])
    }
    return table
  }

  private var json: [UInt8] {
    var text = JSONText()
    text.object {
      $0.member("results") {
        $0.array(entries.flatMap { entry in entry.outcomes.map { (entry, $0) } }) { text, result in
          write(result.0, result.1, to: &text)
        }
      }
      let rows = entries.flatMap { entry in FrontierComparison.all(entry.outcomes).map { (entry.trace, $0) } }
      $0.member("equalPodHours") {
        $0.array(rows) { text, row in
          text.object {
            $0.member("trace", row.0)
            $0.member("startupSeconds", row.1.startup.inSeconds)
            $0.member("hpa", row.1.knob)
            $0.member("policy", row.1.policy)
            $0.member("podHours", row.1.podHours)
            $0.member("hpaViolationMinutes", row.1.reactiveMinutes)
            $0.member("violationMinutes") { $0.number(row.1.minutes) }
            $0.member("ratio") { $0.number(row.1.ratio) }
          }
        }
      }
      $0.member("verdicts") {
        $0.array(entries.flatMap { entry in entry.verdicts.map { (entry.trace, $0) } }) { text, row in
          text.object {
            $0.member("trace", row.0)
            $0.member("startupSeconds", row.1.startup.inSeconds)
            $0.member("policy", row.1.policy)
            $0.member("hpa", row.1.knob)
            $0.member("podHoursRatio", row.1.podHours)
            $0.member("violationMinutesMore", row.1.minutes)
            $0.member("ratioAtEqualPodHours") { $0.number(row.1.ratio) }
            $0.member("text", row.1.text)
          }
        }
      }
    }
    return text.bytes
  }

  private func write(_ entry: Entry, _ outcome: Replay.Outcome, to text: inout JSONText) {
    let figures = outcome.figures
    text.object {
      $0.member("trace", entry.trace)
      $0.member("policy", outcome.policy)
      $0.member("knob", outcome.knob)
      $0.member("startupSeconds", outcome.startup.inSeconds)
      $0.member("podCapacity", entry.podCapacity)
      if let interpolation = entry.interpolation { $0.member("interpolation", interpolation.rawValue) }
      $0.member("minutes", figures.minutes)
      $0.member("violationMinutes", figures.violationMinutes)
      $0.member("unservedShare", figures.unservedShare)
      $0.member("podHours", figures.podHours)
      $0.member("oracleRatio", figures.oracleRatio)
      if let price { $0.member("cost", figures.cost(pricePerPodHour: price)) }
      if outcome.forecasts.made + outcome.forecasts.failed > 0 {
        $0.member("forecasts", Double(outcome.forecasts.made))
        $0.member("failedForecasts", Double(outcome.forecasts.failed))
      }
    }
  }

  /// `timestamp,load,desired,ready`, one line per sync. The timestamp is the end of the sync's 15 s, as in traces.
  static func desiredCSV(_ outcomes: [Replay.Outcome]) -> [UInt8] {
    let recorded = outcomes.filter { !$0.records.isEmpty }
    let outcome = recorded.first { $0.policy.hasPrefix("kedastral") } ?? recorded.first
    var text = "timestamp,load,desired,ready\n"
    for record in outcome?.records ?? [] {
      let load = record.load.isFinite ? record.load.shortText : ""
      text += "\(record.instant.timeIntervalSince1970.shortText),\(load),\(record.desired),\(record.ready)\n"
    }
    return Array(text.utf8)
  }
}

/// Another policy compared with one setting of hpa: its violation minutes at the same pod-hours.
struct FrontierComparison {
  let startup: Duration
  /// The value of hpa's parameter.
  let knob: String
  let policy: String
  let podHours: Double
  let reactiveMinutes: Double
  /// Nil where the other policy has no setting with so few pod-hours.
  let minutes: Double?

  /// Violation minutes divided by hpa's, after adding one to both.
  var ratio: Double? { minutes.map { violationRatio($0, to: reactiveMinutes) } }

  /// All comparisons in the outcomes of one load; empty unless a policy was swept.
  static func all(_ outcomes: [Replay.Outcome]) -> [FrontierComparison] {
    groups(outcomes).flatMap { startup, frontiers -> [FrontierComparison] in
      guard let reactive = frontiers.first(where: { $0.policy == "hpa" })?.frontier else { return [] }
      return frontiers.filter { $0.policy != "hpa" && $0.frontier.points.count > 1 }.flatMap { policy, frontier in
        reactive.points.map {
          FrontierComparison(
            startup: startup, knob: $0.knob, policy: policy, podHours: $0.figures.podHours,
            reactiveMinutes: $0.figures.violationMinutes,
            minutes: frontier.violationMinutes(atPodHours: $0.figures.podHours))
        }
      }
    }
  }

  /// The frontiers for each startup time, in the order of the outcomes.
  static func groups(
    _ outcomes: [Replay.Outcome]
  ) -> [(startup: Duration, frontiers: [(policy: String, frontier: Frontier)])] {
    func unique<Key: Equatable>(_ keys: [Key]) -> [Key] {
      keys.reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
    }
    return unique(outcomes.map(\.startup)).map { startup in
      let here = outcomes.filter { $0.startup == startup }
      return (
        startup,
        unique(here.map(\.policy)).map { policy in
          let own = here.filter { $0.policy == policy }
          // The given setting of Kedastral's policy comes first, and is not part of the sweep.
          let isPlanned = policy.hasPrefix("kedastral") || ReplayPlan.controls.contains(policy)
          let swept = isPlanned && own.count > 1 ? Array(own.dropFirst()) : own
          return (policy, Frontier(swept.map { Frontier.Point(knob: $0.knob, figures: $0.figures) }))
        }
      )
    }
  }
}
