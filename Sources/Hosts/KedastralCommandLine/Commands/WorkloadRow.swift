import FoundationEssentials
import Glibc
import KedastralCore
import KedastralDaemon
import KedastralHTTP

/// One workload as a row of a list.
struct WorkloadRow: Equatable, Sendable {
  let workload: WorkloadName
  /// Its state.
  let state: WorkloadState
  /// Why its latest rounds failed, in one sentence.
  let problem: String?
  /// When the first of the consecutive failed rounds happened.
  let problemSince: Date?
  let isDryRun: Bool
  let metric: String
  let model: String
  /// The last measured load; nil when it is too old to be the current one.
  let load: Double?
  /// What is shown instead of the load: `no sample since 14:05 UTC`; nil without a plan.
  let absence: String?
  let newestSampleAt: Date?
  /// The largest expected load within the horizon; nil without a plan.
  let peakLoad: Double?
  /// The replicas that a scaler would request now; nil when no plan can be served.
  let replicas: Int?
  /// The replicas that the load requires until the lead time, before any limit; nil when the plan does not say.
  let required: Int?
  /// The largest planned replicas; nil without a plan.
  let peakReplicas: Int?
  /// The mean absolute error of recent forecasts divided by the mean load.
  let error: Double?
  /// The plan's age; nil without one.
  private(set) var age: Duration?
  /// The load that one pod takes; nil when the plan does not say.
  let targetPerPod: Double?
  /// How far ahead the plan reaches.
  let horizon: Duration?
  /// The lead time that the replicas are of.
  let leadTime: Duration
  /// The measured start-up of the pods; nil when it is not measured.
  let startup: PodStartup?
  /// The forecast, a value per step.
  let values: [Double]

  /// - Parameter leadTime: the lead time that counts; nil for the workload's own, or five minutes.
  init(_ listed: ForecasterClient.Listed, leadTime: Duration? = nil, staleAfter: Duration, at now: Date) {
    let snapshot = listed.snapshot
    let now = now + listed.clockLead
    let leadTime = leadTime ?? snapshot?.leadTime(orElse: .seconds(300)) ?? .seconds(300)
    self.leadTime = leadTime
    startup = snapshot?.leadTime?.startup
    workload = listed.workload
    state = WorkloadState(snapshot, problem: listed.problem, staleAfter: staleAfter, leadTime: leadTime, at: now)
    problem = listed.problem?.sentence(at: now) ?? snapshot?.problem.map { "failing: \($0)" }
    problemSince = listed.problem?.since
    isDryRun = snapshot?.isDryRun ?? false
    metric = snapshot?.metric ?? ""
    model = snapshot?.model ?? ""
    load = snapshot?.currentValue
    absence = snapshot?.absence(at: now)
    newestSampleAt = snapshot?.newestSampleAt
    peakLoad = snapshot?.values.max()
    peakReplicas = snapshot?.desiredReplicas.max()
    error = snapshot?.accuracy?.relativeError
    age = snapshot?.age(at: now)
    required = snapshot?.requirement(leadTime: leadTime, at: now)
    replicas =
      state == .stale ? nil : snapshot?.answer(ScalingQuestion(leadTime: leadTime), at: now).map { Int($0.value) }
    targetPerPod = snapshot?.targetPerPod
    horizon = snapshot?.horizon
    values = snapshot?.values ?? []
  }

  /// Whether the plan is too old to be served, or has been bridged for too long.
  var isStale: Bool { state == .stale }

  /// Whether limits keep the plan below what the load requires until the lead time.
  var isCapped: Bool { if let required, let replicas { required > replicas } else { false } }

  /// How serious the state is.
  var role: TextStyle.Role? {
    switch state {
    case .ok, .dryRun: isCapped ? .bad : nil
    case .learning, .starting, .bridged: .warning
    case .capped, .stale, .failing: .bad
    }
  }

  /// The row as it is compared with an older one: a plan's age changes always.
  var withoutAge: WorkloadRow {
    var row = self
    row.age = nil
    return row
  }

  /// The rows in a format.
  ///
  /// - Parameters:
  ///   - all: the rows that set the widths of the columns; the same by default.
  ///   - withHeading: whether the columns have a heading.
  static func text(
    _ rows: [WorkloadRow], _ format: ListFormat, columnsOf all: [WorkloadRow]? = nil, withHeading: Bool = true
  ) -> String {
    switch format {
    case .json: return json(rows)
    case .yaml: return (try? YAMLOutput.text(of: json(rows))) ?? ""
    case .name: return rows.map(\.workload.text).joined(separator: "\n")
    case .markdown: return ([table(rows).markdown] + problems(rows).map { "- " + $0 }).joined(separator: "\n")
    case .table, .wide:
      let all = all ?? rows
      guard !all.isEmpty else { return "no workloads" }
      let lines = table(all, isWide: format == .wide).lines(.of(STDOUT_FILENO))
      let chosen = zip(all, lines.dropFirst()).filter { row, _ in rows.contains { $0.workload == row.workload } }
      return ((withHeading ? [lines[0]] : []) + chosen.map(\.1) + problems(rows)).joined(separator: "\n")
    }
  }

  /// A line for each workload that is limited or fails.
  private static func problems(_ rows: [WorkloadRow]) -> [String] {
    rows.flatMap { row in
      var lines: [String] = []
      if row.isCapped, let required = row.required, let replicas = row.replicas {
        lines.append("\(row.workload): capped at \(replicas): the load needs \(required)")
      }
      if let problem = row.problem { lines.append("\(row.workload): \(problem)") }
      return lines
    }
  }

  /// The rows as a table.
  private static func table(_ rows: [WorkloadRow], isWide: Bool = false) -> TextTable {
    var table = TextTable(
      [
        "WORKLOAD", "STATE", "METRIC", "MODEL", "LOAD", "LOAD AHEAD", "REQUESTED", "REQUIRED", "MAX AHEAD", "ERROR",
        "AGE",
      ]
        + (isWide ? ["PER POD", "HORIZON", "LEAD TIME", "START-UP", "DRY RUN", "NEWEST SAMPLE"] : []), textColumns: 4)
    let none = "–"
    for row in rows {
      var cells = [row.workload.text, row.state.rawValue, row.metric, row.model]
      cells.append(row.load?.loadText ?? row.absence ?? none)
      cells.append(row.peakLoad?.loadText ?? none)
      cells += [row.replicas, row.required, row.peakReplicas].map { $0.map(String.init) ?? none }
      cells.append(row.error?.percent(0) ?? none)
      cells.append(row.age?.shortText ?? none)
      if isWide {
        cells.append(row.targetPerPod?.loadText ?? none)
        cells.append(row.horizon.map { DurationText.format($0) } ?? none)
        cells.append(DurationText.format(row.leadTime))
        cells.append(row.startup?.text ?? none)
        cells.append(row.isDryRun ? "yes" : "no")
        cells.append(row.newestSampleAt.map { Timestamp.format($0) } ?? none)
      }
      table.add(cells, row.role)
    }
    return table
  }

  /// `{"workloads":[{"workload":"api","state":"ok","metric":"rps",…}]}`.
  private static func json(_ rows: [WorkloadRow]) -> String {
    var text = JSONText()
    text.object {
      $0.member("workloads") {
        $0.array(rows) { text, row in
          text.object {
            $0.member("workload", row.workload.text)
            $0.member("state", row.state.rawValue)
            $0.member("isDryRun", row.isDryRun)
            $0.member("metric", row.metric)
            $0.member("model", row.model)
            $0.member("load") { $0.number(row.load) }
            if let instant = row.newestSampleAt { $0.member("newestSampleAt", Timestamp.format(instant)) }
            $0.member("peakLoad") { $0.number(row.peakLoad) }
            $0.member("replicas") { $0.number(row.replicas.map(Double.init)) }
            $0.member("required") { $0.number(row.required.map(Double.init)) }
            $0.member("isCapped", row.isCapped)
            $0.member("peakReplicas") { $0.number(row.peakReplicas.map(Double.init)) }
            $0.member("relativeError") { $0.number(row.error) }
            $0.member("ageSeconds") { $0.number(row.age?.inSeconds) }
            $0.member("isStale", row.isStale)
            $0.member("leadTimeSeconds", row.leadTime.inSeconds)
            if let startup = row.startup {
              $0.member("startupSeconds", startup.seconds)
              $0.member("startupPods", Double(startup.pods))
            }
            if let problem = row.problem { $0.member("problem", problem) }
            if let since = row.problemSince { $0.member("problemSince", Timestamp.format(since)) }
          }
        }
      }
    }
    return String(decoding: text.bytes, as: UTF8.self)
  }
}

/// How a list of workloads is written.
enum ListFormat: String, CaseIterable {
  case table
  /// A table with more columns.
  case wide
  case markdown
  case json
  case yaml
  /// Only the names, one per line.
  case name

  static var names: [String] { allCases.map(\.rawValue) }
}

extension Double {
  /// A human-readable load with about three significant digits.
  var loadText: String {
    switch magnitude {
    case 100...: text(0)
    case 10...: text(1)
    default: text(2)
    }
  }
}

extension Duration {
  /// Only the largest unit: `45s`, `3m`, `2h`, `5d`.
  var shortText: String {
    let seconds = Int(inSeconds)
    return switch seconds {
    case ..<120: "\(seconds)s"
    case ..<7200: "\(seconds / 60)m"
    case ..<172_800: "\(seconds / 3600)h"
    default: "\(seconds / 86_400)d"
    }
  }
}
