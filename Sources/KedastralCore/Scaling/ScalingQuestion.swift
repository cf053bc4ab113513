#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A request of KEDA to a plan: lead time, selection and unit.
package struct ScalingQuestion: Sendable, Equatable {
  /// The unit of the answer.
  package enum Mode: String, Sendable, CaseIterable {
    /// Planned replicas, as whole numbers.
    case replicas
    /// Planned load as a fractional number of pods within the plan's limits, so that the autoscaler's tolerance applies to load.
    case load
  }

  /// The part of the plan that is used.
  package enum Selection: String, Sendable, CaseIterable {
    /// The maximum from now to the lead time: up early, never down early.
    case maximum = "max"
    /// Only the value at the lead time.
    case atLead = "at-lead"
  }

  /// How long before the load the pods are requested.
  package var leadTime: Duration
  /// The unit of the answer.
  package var mode: Mode
  /// The part of the plan that is used.
  package var selection: Selection

  /// Creates a question.
  package init(leadTime: Duration, mode: Mode = .replicas, selection: Selection = .maximum) {
    self.leadTime = leadTime
    self.mode = mode
    self.selection = selection
  }
}

/// The response of a plan.
package struct ScalingAnswer: Sendable, Equatable {
  /// Replicas; fractional in mode `load`, where the rounded-up value is the planned replicas.
  package let value: Double
  /// Whether the lead time reaches beyond the plan, so that the plan's end was used.
  package let isBeyondHorizon: Bool
}

extension Snapshot {
  /// Answers a question about this plan at `now`.
  ///
  /// - Returns: nil when the mode is `load` and the snapshot's writer stored no planned load or target.
  package func answer(_ question: ScalingQuestion, at now: Date) -> ScalingAnswer? {
    let (steps, isBeyondHorizon) = stepRange(ahead: question.leadTime, from: now)
    let chosen = question.selection == .maximum ? steps : steps.upperBound...steps.upperBound
    let pods: Double?
    switch question.mode {
    case .replicas: pods = Double(desiredReplicas[chosen].reduce(0, max))
    case .load: pods = fractionalReplicas(in: chosen)
    }
    return pods.map { ScalingAnswer(value: $0, isBeyondHorizon: isBeyondHorizon) }
  }

  /// The maximum that the steps plan, in fractional pods.
  /// A step that limits keep below or raise above the required replicas counts with its whole replicas.
  private func fractionalReplicas(in steps: ClosedRange<Int>) -> Double? {
    guard let targetPerPod, targetPerPod > 0, plannedLoad.count == desiredReplicas.count else { return nil }
    return steps.reduce(0) { most, step in
      let replicas = Double(desiredReplicas[step])
      let need = plannedLoad[step] / targetPerPod
      return max(most, need > replicas - 1 && need < replicas ? need : replicas)
    }
  }

  /// The maximum load from `now` to `now + lead`: the planned load, or the forecast if another writer stored only that.
  package func expectedLoad(ahead lead: Duration, from now: Date) -> Double {
    let loads = plannedLoad.count == desiredReplicas.count ? plannedLoad : values
    let steps = stepRange(ahead: lead, from: now).steps
    return loads[min(steps.lowerBound, loads.count - 1)...min(steps.upperBound, loads.count - 1)].reduce(0, max)
  }

  /// The steps from the one that `now` falls in to the one that holds `now + lead`.
  ///
  /// An instant on the border of two steps begins the later one as `now` and ends the earlier one as `now + lead`.
  func stepRange(ahead lead: Duration, from now: Date) -> (steps: ClosedRange<Int>, isBeyondHorizon: Bool) {
    let first = stepIndex(at: now)
    let end = (now + lead).timeIntervalSince(generatedAt) / step.inSeconds
    let last = Int(min(max(0, end), 1e9).rounded(.up)) - 1
    let bounded = min(max(first, last), desiredReplicas.count - 1)
    return (first...bounded, end > Double(desiredReplicas.count) + 1e-9)
  }
}
