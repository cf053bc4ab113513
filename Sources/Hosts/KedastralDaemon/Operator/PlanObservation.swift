import KedastralCore
import KedastralSources
import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What this process has observed of a workload.
struct PlanObservation: Sendable, Equatable {
  /// The newest plan.
  var snapshot: Snapshot?
  /// What the latest rounds failed with.
  var problem: WorkloadProblem?

  /// The conditions that follow from the plan, except whether the policy is ready.
  ///
  /// - Parameters:
  ///   - largestError: the error of forecasts, as a share of the load, above which they count as inaccurate.
  func conditions(leadTime: Duration, largestError: Double, at now: Date) -> [PolicyCondition] {
    [
      sourceReachable, accurate(largestError), capped(leadTime, at: now),
      snapshot.map { snapshot in
        snapshot.bridgedUntil.map {
          PolicyCondition(
            .bridged, .yes, "NoSamples",
            "There is no recent sample; the plan follows the forecast alone and is served until \(KubernetesTime.text($0))."
          )
        } ?? PolicyCondition(.bridged, .no, "SamplesReceived", "The plan follows recent samples.")
      } ?? PolicyCondition(.bridged, .unknown, "NoPlan", "There is no plan yet."),
    ]
  }

  var sourceReachable: PolicyCondition {
    if let problem, problem.stage == .collect {
      return PolicyCondition(.sourceReachable, .no, "RequestFailed", problem.text)
    }
    if let problem = snapshot?.problem { return PolicyCondition(.sourceReachable, .no, "RequestFailed", problem) }
    return snapshot == nil
      ? PolicyCondition(.sourceReachable, .unknown, "NoRequest", "The source has not been requested yet.")
      : PolicyCondition(.sourceReachable, .yes, "SamplesReceived", "The source responds.")
  }

  private func accurate(_ largestError: Double) -> PolicyCondition {
    guard let error = snapshot?.accuracy?.relativeError, error.isFinite else {
      return PolicyCondition(.accurate, .unknown, "NotMeasured", "No forecast has been compared with the load yet.")
    }
    func percent(_ share: Double) -> String { share < 100 ? "\(Int((share * 100).rounded())) %" : "more than 10000 %" }
    let text =
      "The mean error of recent forecasts is \(percent(error)) of the load; the limit is \(percent(largestError))."
    return error <= largestError
      ? PolicyCondition(.accurate, .yes, "ErrorWithinLimit", text)
      : PolicyCondition(.accurate, .no, "ErrorAboveLimit", text)
  }

  private func capped(_ leadTime: Duration, at now: Date) -> PolicyCondition {
    guard let snapshot else { return PolicyCondition(.capped, .unknown, "NoPlan", "There is no plan yet.") }
    guard let shortfall = snapshot.shortfall(leadTime: leadTime, at: now) else {
      return PolicyCondition(.capped, .no, "WithinLimits", "The plan covers what the load requires.")
    }
    return PolicyCondition(
      .capped, .yes, "LimitReached",
      "Limits keep the plan at \(shortfall.planned) replicas; the load requires \(shortfall.required).")
  }

  /// Whether the plan can be used: the condition Ready of a policy that has no other problem.
  func ready(staleAfter: Duration, isDryRun: Bool, at now: Date) -> PolicyCondition {
    guard let snapshot else {
      guard let problem else {
        return PolicyCondition(.ready, .unknown, "Starting", "The first plan is being computed.")
      }
      return PolicyCondition(.ready, .no, "NoPlan", "\(problem.stage.rawValue): \(problem.text)")
    }
    if let staleness = snapshot.staleness(at: now, limit: staleAfter) {
      let text =
        switch staleness {
        case .old:
          "The newest plan was made at \(KubernetesTime.text(snapshot.generatedAt)) and is not served any more."
        case .aheadOfClock, .noSamples: "The plan is not served: \(staleness)."
        }
      return PolicyCondition(.ready, .no, "Stale", text)
    }
    return isDryRun
      ? PolicyCondition(.ready, .yes, "DryRun", "The plan is computed and shown, and not served.")
      : PolicyCondition(.ready, .yes, "Planned", "The plan is served.")
  }
}

/// The newest plan of each workload that this process forecasts.
final class PlanBoard: ForecastObserver {
  private let snapshots = Mutex<[WorkloadName: Snapshot]>([:])

  func roundEnded(_ round: ForecastRound) {
    guard let snapshot = round.snapshot else { return }
    snapshots.withLock { $0[round.workload] = snapshot }
  }

  /// The newest plan of a workload.
  func snapshot(of workload: WorkloadName) -> Snapshot? { snapshots.withLock { $0[workload] } }

  /// Forgets all but these workloads.
  func keep(_ isKept: (WorkloadName) -> Bool) {
    snapshots.withLock { $0 = $0.filter { isKept($0.key) } }
  }
}
