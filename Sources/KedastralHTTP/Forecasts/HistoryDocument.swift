import KedastralCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The response of `/history`: the recently measured load, and the replicas requested in that time.
///
///     {"workload":"api","start":"2026-01-31T06:00:00Z","stepSeconds":60,"values":[12,null,14],
///      "replicas":[[1769839200000,3]],"forecasts":[[1769839200000,13.5,10,17]]}
///
/// `values[i]` is the load of the step that ends at `start + i·stepSeconds`, null where it is missing; `start` and
/// `stepSeconds` are null when no load is known. `replicas` has an instant (milliseconds since 1970) and a number for
/// each change. `forecasts` has what was forecast for an instant one lead time before it: the value, and the lowest and the highest
/// quantile, null where there is none.
///
/// `events` has what happened to the plans: its `kind`, `from` and `to` (null while it lasts) and a `text`. It is missing when
/// nothing happened.
///
/// Where the ready pods are known, `readyPods` has the changes of the ready pods like `replicas`, with null where they are unknown,
/// `readyPodsUntil` the instant of the newest number, and `readyPodsProblem` why they cannot be read.
struct HistoryDocument {
  /// A week of minutes.
  static let maximumPoints = 10_080

  var workload: WorkloadName
  var load: TimeSeries?
  var trail: [ReplicaTrail.Entry]
  var forecasts: [ForecastTrail.Entry] = []
  var real: (pods: RealPods, problem: String?)?
  var events: [PlanEvent] = []

  var json: [UInt8] {
    var text = JSONText()
    text.object {
      $0.member("workload", workload.text)
      $0.member("start") {
        if let load { $0.string(Timestamp.format(load.start)) } else { $0.number(nil) }
      }
      $0.member("stepSeconds") { $0.number(load?.step.inSeconds) }
      $0.member("values") { $0.array(load?.values ?? []) { $0.number($1) } }
      $0.member("replicas") {
        $0.array(trail) { text, entry in
          text.array([entry.instant.milliseconds, Double(entry.replicas)]) { $0.number($1) }
        }
      }
      $0.member("forecasts") {
        $0.array(forecasts) { text, entry in
          text.array([Double(entry.second) * 1000, entry.value.shown, entry.lower.shown, entry.upper.shown]) {
            $0.number($1)
          }
        }
      }
      if !events.isEmpty {
        $0.member("events") {
          $0.array(events) { text, event in
            text.object {
              $0.member("kind", event.kind.rawValue)
              $0.member("from", event.begin.milliseconds)
              $0.member("to") { $0.number(event.end?.milliseconds) }
              $0.member("text", event.text)
            }
          }
        }
      }
      if let real { Self.write(real.pods, real.problem, to: &$0) }
    }
    return text.bytes
  }
}

extension HistoryDocument {
  private static func write(_ pods: RealPods, _ problem: String?, to text: inout JSONText) {
    text.member("readyPods") {
      $0.array(pods.entries) { text, entry in
        text.array([entry.instant.milliseconds, entry.count.map(Double.init) ?? .nan]) { $0.number($1) }
      }
    }
    text.member("readyPodsUntil") { $0.number(pods.newest?.milliseconds) }
    if let problem { text.member("readyPodsProblem", problem) }
  }
}

extension Float {
  /// With six digits, as many as it has.
  fileprivate var shown: Double { Double("\(self)") ?? .nan }
}
