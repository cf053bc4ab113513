import KedastralCore
import KedastralHTTP
import Synchronization

/// Computes `/readyz` from the forecast rounds: a first plan exists, sources respond, the store accepts plans.
///
/// A single failing source of many does not make the forecaster unready: its other workloads are served.
package final class ForecastReadiness: ForecastObserver {
  private struct State {
    var workloadCount: Int
    var hasPlan = false
    var failingSources: [WorkloadName: String] = [:]
  }

  private static let noPlan = "no forecast has been made yet"

  let readiness: Readiness
  /// The result of each workload's latest round.
  let health: WorkloadHealth
  private let state: Mutex<State>

  /// Starts with the configured workloads; ``share(of:among:)`` sets which of them this process owns.
  init(_ workloads: [WorkloadName], leadTime: Duration = .seconds(300)) {
    let health = WorkloadHealth(leadTime: leadTime)
    health.configure([], of: workloads)
    self.health = health
    readiness = Readiness(problems: ["plans": Self.noPlan]) {
      [health.summary, health.learningSummary].compactMap(\.self)
    }
    state = Mutex(State(workloadCount: workloads.count))
  }

  /// Sets which of the configured workloads this process owns; a process without workloads is ready without a plan.
  func share(of workloads: [WorkloadName], among all: [WorkloadName]) {
    health.configure(workloads, of: all)
    let hasPlan = state.withLock { state in
      state.workloadCount = workloads.count
      state.failingSources = state.failingSources.filter { workloads.contains($0.key) }
      return state.hasPlan
    }
    readiness.report("sources", problem: nil)
    readiness.report("plans", problem: hasPlan || workloads.isEmpty ? nil : Self.noPlan)
  }

  package func roundEnded(_ round: ForecastRound) {
    health.roundEnded(round)
    if let snapshot = round.snapshot { planStored(snapshot) }
    guard let failure = round.failure else {
      state.withLock { $0.failingSources[round.workload] = nil }
      readiness.report("sources", problem: nil)
      return
    }
    switch failure.stage {
    case .store: readiness.report("store", problem: "\(failure)")
    case .collect:
      let areAllFailing = state.withLock { state in
        state.failingSources[failure.workload] = failure.problem
        return state.failingSources.count == state.workloadCount
      }
      if areAllFailing { readiness.report("sources", problem: health.summary ?? "\(failure)") }
    case .forecast, .plan: break
    }
  }

  private func planStored(_ snapshot: Snapshot) {
    let isFirst = state.withLock { state in
      defer { state.hasPlan = true }
      return !state.hasPlan
    }
    if isFirst { readiness.report("plans", problem: nil) }
    readiness.report("store", problem: nil)
  }
}
