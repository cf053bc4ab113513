#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What KEDA asks of a plan: how much, how far ahead, in which unit.
public struct ScalingQuestion: Sendable, Equatable {
  /// The unit of the answer.
  public enum Mode: String, Sendable, CaseIterable {
    /// Planned replicas, against a target of 1.
    case replicas
    /// Planned load, against the load one pod is meant to serve: the autoscaler divides, its tolerance works on load.
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
  /// Replicas or load, by the question's mode.
  public let value: Double
  /// What the value is divided by to get replicas.
  public let target: Double
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
    switch question.mode {
    case .replicas:
      let replicas = desiredReplicas[chosen].reduce(0, max)
      return ScalingAnswer(value: Double(replicas), target: 1, isBeyondHorizon: isBeyondHorizon)
    case .load:
      guard let targetPerPod, targetPerPod > 0, plannedLoad.count == desiredReplicas.count else { return nil }
      let load = plannedLoad[chosen].reduce(0, max)
      return ScalingAnswer(value: load, target: targetPerPod, isBeyondHorizon: isBeyondHorizon)
    }
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
