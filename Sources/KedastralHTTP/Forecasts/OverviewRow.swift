import KedastralCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A workload in one line of the page's list.
///
/// As JSON an array, since thousands are sent: `[name, load, replicas, peak, isStale, generatedAt]` with the load that was
/// measured last (or null), the replicas asked for now (or null when stale), the plan's highest replicas, 0 or 1, and
/// milliseconds since 1970.
struct OverviewRow: Equatable {
  var workload: String
  var load: Double?
  var replicas: Int?
  var peakReplicas: Int
  var isStale: Bool
  var generatedAt: Date

  init(_ snapshot: Snapshot, leadTime: Duration, isStale: Bool, at now: Date) {
    workload = snapshot.workload.text
    load = snapshot.currentValue
    replicas = isStale ? nil : snapshot.replicasAskedFor(leadTime: leadTime, at: now)
    peakReplicas = snapshot.desiredReplicas.max() ?? 0
    self.isStale = isStale
    generatedAt = snapshot.generatedAt
  }

  func write(to text: inout JSONText) {
    text.array(0..<6) { text, field in
      switch field {
      case 0: text.string(workload)
      case 1: text.number(load)
      case 2: text.number(replicas.map(Double.init))
      case 3: text.number(Double(peakReplicas))
      case 4: text.number(isStale ? 1 : 0)
      default: text.number(generatedAt.timeIntervalSince1970 * 1000)
      }
    }
  }
}

extension Snapshot {
  /// What KEDA is told at `now` when its trigger sets nothing but the lead time.
  func replicasAskedFor(leadTime: Duration, at now: Date) -> Int {
    Int(answer(ScalingQuestion(leadTime: leadTime), at: now)?.value ?? 0)
  }
}
