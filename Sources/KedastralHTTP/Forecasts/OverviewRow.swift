import KedastralCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A workload in one line of the page's list.
struct OverviewRow {
  /// How many numbers the picture of a forecast has.
  static let pictureSteps = 24

  let snapshot: Snapshot
  let isStale: Bool
  /// The replicas that the load needs now, by the plan.
  let planned: Int
  /// The replicas that KEDA is told now, a lead time ahead; nil when the plan is too old to be served.
  let asked: Int?
  /// The most replicas from now to the plan's end.
  let peak: Int

  init(_ snapshot: Snapshot, leadTime: Duration, isStale: Bool, at now: Date) {
    self.snapshot = snapshot
    self.isStale = isStale
    let step = snapshot.stepIndex(at: now)
    planned = snapshot.desiredReplicas[step]
    peak = snapshot.desiredReplicas[step...].max() ?? planned
    asked = isStale ? nil : snapshot.replicasAskedFor(leadTime: leadTime, at: now)
  }

  /// By how much the replicas will rise.
  var rise: Int { peak - (asked ?? 0) }

  /// Writes the row as an object; `forecast` is the forecast's course in a few numbers from 0 to 100.
  func write(to text: inout JSONText, index: Int?) {
    text.object {
      if let index { $0.member("index", Double(index)) }
      $0.member("workload", snapshot.workload.text)
      $0.member("metric", snapshot.metric)
      $0.member("load") { $0.number(snapshot.currentValue) }
      $0.member("planned", Double(planned))
      $0.member("asked") { $0.number(asked.map(Double.init)) }
      $0.member("peak", Double(peak))
      $0.member("isStale", isStale)
      $0.member("isDryRun", snapshot.isDryRun)
      $0.member("generatedAt", (snapshot.generatedAt.timeIntervalSince1970 * 1000).rounded())
      if let model = snapshot.model { $0.member("model", model) }
      $0.member("mase") { $0.number(snapshot.accuracy?.mase) }
      $0.member("forecast") { $0.array(picture) { $0.number($1) } }
    }
  }

  private var picture: [Double] {
    let values = snapshot.values
    let parts = min(Self.pictureSteps, values.count)
    let top = max(values.max() ?? 0, snapshot.currentValue ?? 0)
    guard top > 0 else { return Array(repeating: 0, count: parts) }
    return (0..<parts).map { part in
      let steps = part * values.count / parts..<max((part + 1) * values.count / parts, part * values.count / parts + 1)
      return max(0, ((values[steps].max() ?? 0) / top * 100).rounded())
    }
  }
}

extension Snapshot {
  /// What KEDA is told at `now` when its trigger sets nothing but the lead time.
  func replicasAskedFor(leadTime: Duration, at now: Date) -> Int {
    Int(answer(ScalingQuestion(leadTime: leadTime), at: now)?.value ?? 0)
  }
}
