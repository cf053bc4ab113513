import KedastralCore
import KedastralHTTP
import Synchronization

/// Tells `/readyz` what the forecast rounds show: a first plan exists, sources answer, the store takes plans.
///
/// A single failing source of many does not make the forecaster unready: its other workloads are served.
final class ForecastReadiness: ForecastObserver {
  private struct State {
    var workloadCount: Int
    var hasPlan = false
    var failingSources: [WorkloadName: String] = [:]
  }

  private static let noPlan = "no forecast has been made yet"

  let readiness = Readiness(problems: ["plans": noPlan])
  private let state: Mutex<State>

  init(workloadCount: Int) { state = Mutex(State(workloadCount: workloadCount)) }

  /// Sets how many workloads are this process's; one that has none is ready without a plan of its own.
  func share(of workloads: [WorkloadName]) {
    let hasPlan = state.withLock { state in
      state.workloadCount = workloads.count
      state.failingSources = state.failingSources.filter { workloads.contains($0.key) }
      return state.hasPlan
    }
    readiness.report("sources", problem: nil)
    readiness.report("plans", problem: hasPlan || workloads.isEmpty ? nil : Self.noPlan)
  }

  func roundSucceeded(_ snapshot: Snapshot) {
    let isFirst = state.withLock { state in
      state.failingSources[snapshot.workload] = nil
      defer { state.hasPlan = true }
      return !state.hasPlan
    }
    if isFirst { readiness.report("plans", problem: nil) }
    readiness.report("sources", problem: nil)
    readiness.report("store", problem: nil)
  }

  func roundFailed(_ failure: ForecastFailure) {
    switch failure.stage {
    case .store: readiness.report("store", problem: "\(failure)")
    case .collect:
      let areAllFailing = state.withLock { state in
        state.failingSources[failure.workload] = failure.problem
        return state.failingSources.count == state.workloadCount
      }
      if areAllFailing { readiness.report("sources", problem: "\(failure)") }
    case .forecast, .plan: break
    }
  }
}
