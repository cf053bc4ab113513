import FoundationEssentials
import KedastralCore
import KedastralHTTP

/// A workload in one line of a list.
struct WorkloadRow: Equatable, Sendable {
  let workload: WorkloadName
  let metric: String
  let model: String
  /// The load that was measured last.
  let load: Double?
  /// The largest load that is expected within the horizon.
  let peakLoad: Double
  /// What a scaler would ask for now; nil when the plan is stale.
  let replicas: Int?
  /// The plan's most replicas.
  let peakReplicas: Int
  let age: Duration
  let isStale: Bool
  /// The forecast, a value a step.
  let values: [Double]

  init(_ snapshot: Snapshot, leadTime: Duration, staleAfter: Duration, at now: Date) {
    workload = snapshot.workload
    metric = snapshot.metric
    model = snapshot.model ?? ""
    load = snapshot.currentValue
    peakLoad = snapshot.values.max() ?? 0
    peakReplicas = snapshot.desiredReplicas.max() ?? 0
    age = snapshot.age(at: now)
    isStale = age > staleAfter
    replicas =
      isStale ? nil : snapshot.answer(ScalingQuestion(leadTime: leadTime), at: now).map { Int($0.value) }
    values = snapshot.values
  }

  /// The rows in a format.
  static func text(_ rows: [WorkloadRow], _ format: ReportFormat) -> String {
    switch format {
    case .json: json(rows)
    case .markdown: table(rows).markdown
    case .table: rows.isEmpty ? "no workload has a plan" : table(rows).text
    }
  }

  /// The rows as a table.
  private static func table(_ rows: [WorkloadRow]) -> TextTable {
    var table = TextTable(
      ["WORKLOAD", "METRIC", "MODEL", "LOAD", "PEAK", "REPLICAS", "PEAK", "AGE"], textColumns: 3)
    for row in rows {
      table.add(
        [
          row.workload.text, row.metric, row.model, row.load?.loadText ?? "–", row.peakLoad.loadText,
          row.replicas.map(String.init) ?? "–", "\(row.peakReplicas)",
          row.age.shortText + (row.isStale ? " stale" : ""),
        ], row.isStale ? .warning : nil)
    }
    return table
  }

  /// `{"workloads":[{"workload":"api","metric":"rps",…}]}`.
  private static func json(_ rows: [WorkloadRow]) -> String {
    var text = JSONText()
    text.object {
      $0.member("workloads") {
        $0.array(rows) { text, row in
          text.object {
            $0.member("workload", row.workload.text)
            $0.member("metric", row.metric)
            $0.member("model", row.model)
            $0.member("load") { $0.number(row.load) }
            $0.member("peakLoad", row.peakLoad)
            $0.member("replicas") { $0.number(row.replicas.map(Double.init)) }
            $0.member("peakReplicas", Double(row.peakReplicas))
            $0.member("ageSeconds", row.age.inSeconds)
            $0.member("isStale", row.isStale)
          }
        }
      }
    }
    return String(decoding: text.bytes, as: UTF8.self)
  }
}

extension Double {
  /// A load for people: about three significant digits.
  var loadText: String {
    switch magnitude {
    case 100...: text(0)
    case 10...: text(1)
    default: text(2)
    }
  }
}

extension Duration {
  /// The largest unit alone: `45s`, `3m`, `2h`, `5d`.
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
