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

  let workload: WorkloadName
  /// Its newest plan; nil before there is one.
  let snapshot: Snapshot?
  /// How it stands.
  let state: WorkloadState
  /// What its latest rounds failed with.
  let problem: WorkloadProblem?
  /// The replicas that KEDA is to have now, a lead time ahead; nil when there is no plan that is served.
  let asked: Int?
  /// The required replicas until the lead time, before any limit; nil when the plan does not contain them.
  let required: Int?
  /// The replicas that are planned for now; nil without a plan.
  let planned: Int?
  /// The most replicas from now to the plan's end; nil without a plan.
  let peak: Int?
  /// When the plan becomes stale, unless another one arrives.
  let staleAt: Date?

  init(
    _ workload: WorkloadName, _ snapshot: Snapshot?, problem: WorkloadProblem?, leadTime: Duration,
    staleAfter: Duration,
    at now: Date
  ) {
    self.workload = workload
    self.snapshot = snapshot
    self.problem = problem
    let leadTime = snapshot?.leadTime(orElse: leadTime) ?? leadTime
    state = WorkloadState(snapshot, problem: problem, staleAfter: staleAfter, leadTime: leadTime, at: now)
    let step = snapshot?.stepIndex(at: now) ?? 0
    planned = snapshot?.desiredReplicas[step]
    peak = snapshot?.desiredReplicas[step...].max()
    asked = state == .stale ? nil : snapshot?.replicasAskedFor(leadTime: leadTime, at: now)
    required = snapshot?.requirement(leadTime: leadTime, at: now)
    staleAt = snapshot.map { min($0.generatedAt + staleAfter, $0.bridgedUntil ?? .distantFuture) }
  }

  /// Whether the plan is too old, or was bridged for too long, to be served.
  var isStale: Bool { state == .stale }

  /// Whether limits keep the plan below what the load requires until the lead time.
  var isCapped: Bool { if let required, let asked { required > asked } else { false } }

  /// By how much the replicas will rise; none in a plan that is not served.
  var rise: Int { if let asked, let peak { peak - asked } else { 0 } }

  /// Writes the row as an object; `forecast` is the forecast's course in a few numbers from 0 to 100.
  func write(to text: inout JSONText, index: Int?) {
    text.object {
      if let index { $0.member("index", Double(index)) }
      writeState(to: &$0)
      $0.member("metric", snapshot?.metric ?? "")
      $0.member("load") { $0.number(snapshot?.currentValue) }
      $0.member("planned") { $0.number(planned.map(Double.init)) }
      $0.member("peak") { $0.number(peak.map(Double.init)) }
      $0.member("isStale", isStale)
      $0.member("generatedAt") { $0.number(snapshot?.generatedAt.milliseconds) }
      $0.member("sampleAt") { $0.number(snapshot?.newestSampleAt?.milliseconds) }
      $0.member("staleAt") { $0.number(staleAt?.milliseconds) }
      if let model = snapshot?.model { $0.member("model", model) }
      $0.member("mase") { $0.number(snapshot?.accuracy?.mase) }
      $0.member("error") { $0.number(snapshot?.accuracy?.relativeError) }
      $0.member("forecast") { $0.array(picture) { $0.number($1) } }
    }
  }

  /// Writes the members that `/workloads` has too: name, state, problem, and replicas.
  func writeState(to text: inout JSONText) {
    text.member("workload", workload.text)
    text.member("state", state.rawValue)
    text.member("isDryRun", snapshot?.isDryRun ?? false)
    text.member("asked") { $0.number(asked.map(Double.init)) }
    text.member("required") { $0.number(required.map(Double.init)) }
    if let problem {
      text.member("problem", problem.text)
      text.member("stage", problem.stage.rawValue)
      text.member("since", Timestamp.format(problem.since))
      text.member("failures", Double(problem.failures))
    } else if let problem = snapshot?.problem {
      text.member("problem", problem)
    }
  }

  private var picture: [Double] {
    guard let snapshot else { return [] }
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
  /// The replicas that KEDA receives at `now` when its trigger sets only the lead time.
  func replicasAskedFor(leadTime: Duration, at now: Date) -> Int {
    Int(answer(ScalingQuestion(leadTime: leadTime), at: now)?.value ?? 0)
  }
}
