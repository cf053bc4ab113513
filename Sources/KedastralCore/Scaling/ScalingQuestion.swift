#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What KEDA asks of a plan: how much, how far ahead, in which unit.
public struct ScalingQuestion: Sendable, Equatable {
  /// The unit of the answer.
  public enum Mode: String, Sendable, CaseIterable {
    /// Planned replicas, whole ones.
    case replicas
    /// Planned load in pods, with its fraction: the autoscaler's tolerance works on load, within the plan's limits.
    case load
  }

  /// Which part of the plan counts.
  public enum Selection: String, Sendable, CaseIterable {
    /// The maximum from now to the lead time: up early, never down early.
    case maximum = "max"
    /// The value at the lead time alone.
    case atLead = "at-lead"
  }

  /// How long before the load the pods are wanted.
  public var leadTime: Duration
  /// The unit of the answer.
  public var mode: Mode
  /// Which part of the plan counts.
  public var selection: Selection

  /// Creates a question.
  public init(leadTime: Duration, mode: Mode = .replicas, selection: Selection = .maximum) {
    self.leadTime = leadTime
    self.mode = mode
    self.selection = selection
  }
}

/// What a plan answers.
public struct ScalingAnswer: Sendable, Equatable {
  /// Replicas; in mode `load` with a fraction, and rounded up the replicas planned.
  public let value: Double
  /// Whether the lead time reaches beyond the plan, so that the plan's end was used.
  public let isBeyondHorizon: Bool
}

extension Snapshot {
  /// Answers a question about this plan at `now`.
  ///
  /// - Returns: nil when the mode is `load` and the snapshot's writer stored no planned load or target.
  public func answer(_ question: ScalingQuestion, at now: Date) -> ScalingAnswer? {
    let (steps, isBeyondHorizon) = stepRange(ahead: question.leadTime, from: now)
    let chosen = question.selection == .maximum ? steps : steps.upperBound...steps.upperBound
    let pods: Double?
    switch question.mode {
    case .replicas: pods = Double(desiredReplicas[chosen].reduce(0, max))
    case .load: pods = fractionalReplicas(in: chosen)
    }
    return pods.map { ScalingAnswer(value: $0, isBeyondHorizon: isBeyondHorizon) }
  }

  /// The most that steps plan, in pods with their fraction.
  ///
  /// A step that its limits hold below what the load needs, or raise above it, counts with its whole replicas.
  private func fractionalReplicas(in steps: ClosedRange<Int>) -> Double? {
    guard let targetPerPod, targetPerPod > 0, plannedLoad.count == desiredReplicas.count else { return nil }
    return steps.reduce(0) { most, step in
      let replicas = Double(desiredReplicas[step])
      let need = plannedLoad[step] / targetPerPod
      return max(most, need > replicas - 1 && need < replicas ? need : replicas)
    }
  }

  /// The most load to expect from `now` to `now + lead`: what is planned for, or the forecast where a foreign writer stored
  /// that alone.
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
