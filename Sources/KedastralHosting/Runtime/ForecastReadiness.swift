import KedastralCore
import KedastralHTTP
import Synchronization

/// Tells `/readyz` what the forecast rounds show: a first plan exists, sources answer, the store takes plans.
///
/// A single failing source of many does not make the forecaster unready: its other workloads are served.
final class ForecastReadiness: ForecastObserver {
  private struct State {
    var hasPlan = false
    var failingSources: [WorkloadName: String] = [:]
  }

  let readiness = Readiness(problems: ["plans": "no forecast has been made yet"])
  private let workloadCount: Int
  private let state = Mutex(State())

  init(workloadCount: Int) { self.workloadCount = workloadCount }

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
        return state.failingSources.count == workloadCount
      }
      if areAllFailing { readiness.report("sources", problem: "\(failure)") }
    case .forecast, .plan: break
    }
  }
}
