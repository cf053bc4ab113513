import KedastralCore
import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Logs what a scaler refuses, a line when it begins and a line when it ends, and what triggers say that nobody reads.
///
/// All loops of a server share it; while nothing is refused, nobody waits for it.
final class ScalerRecord: Sendable {
  /// Why KEDA gets no value.
  enum Reason: String {
    case noPlan = "no plan"
    case dryRun = "dry run"
    case stale
    case noPlannedLoad = "no planned load"
    case badTrigger = "bad trigger"
  }

  private struct Key: Hashable {
    let workload: String
    let reason: Reason
  }

  private struct Refusal {
    let since: Date
    var last: Date
    var count = 0
  }

  private struct State {
    var refusals: [Key: Refusal] = [:]
    var triggers: Set<String> = []
  }

  /// Refusals in force, and triggers, that are remembered; what goes beyond is logged at level debug.
  private static let limit = 10_000
  /// How long after the last refusal nobody is taken to ask any more.
  private static let memory = 600.0

  private let state = Mutex(State())
  private let refusalCount = Atomic(0)
  private let unknownKeys: Metric
  private let logger: Logger

  init(metrics: MetricsRegistry, logger: Logger) {
    self.logger = logger
    unknownKeys = metrics.counter(
      "kedastral_scaler_unknown_metadata_total",
      help: "Keys in triggers' metadata that neither Kedastral nor KEDA reads, once a trigger."
    ).with()
  }

  /// KEDA was refused a workload.
  func refused(_ workload: String, _ reason: Reason, _ status: GRPCStatus, at now: Date) {
    let key = Key(workload: String(workload.prefix(300)), reason: reason)
    let isNew = state.withLock { state in
      guard state.refusals[key] != nil || state.refusals.count < Self.limit else { return false }
      var refusal = state.refusals[key] ?? Refusal(since: now, last: now)
      refusal.count += 1
      refusal.last = now
      state.refusals[key] = refusal
      refusalCount.store(state.refusals.count, ordering: .relaxed)
      return refusal.count == 1
    }
    logger.log(
      isNew ? .warn : .debug, "refusing KEDA",
      ["workload": key.workload, "reason": reason.rawValue, "code": status.code.name, "error": status.message])
  }

  /// KEDA got a workload's value, asked for in `mode`.
  func served(_ workload: String, mode: ScalingQuestion.Mode, at now: Date) {
    guard refusalCount.load(ordering: .relaxed) > 0 else { return }
    end(at: now, "answering KEDA again") { key, _ in
      key.workload == workload && key.reason != .badTrigger && (key.reason != .noPlannedLoad || mode == .load)
    }
  }

  /// Ends refusals that nobody has met for a while.
  func forgetOld(at now: Date) {
    guard refusalCount.load(ordering: .relaxed) > 0 else { return }
    end(at: now, "KEDA does not ask any more for what it was refused") { _, refusal in
      now.timeIntervalSince(refusal.last) > Self.memory
    }
  }

  private func end(at now: Date, _ message: String, _ isOver: (Key, Refusal) -> Bool) {
    let ended = state.withLock { state in
      let ended = state.refusals.filter { isOver($0.key, $0.value) }
      for key in ended.keys { state.refusals[key] = nil }
      refusalCount.store(state.refusals.count, ordering: .relaxed)
      return ended
    }
    for (key, refusal) in ended {
      logger.info(
        message,
        [
          "workload": key.workload, "reason": key.reason.rawValue, "refused": "\(refusal.count)",
          "for": DurationText.format(.seconds(max(0, now.timeIntervalSince(refusal.since).rounded()))),
        ])
    }
  }

  /// Logs and counts a trigger's unknown keys when it is new.
  func noteUnknownKeys(of reference: ScaledObjectReference) {
    let problems = reference.unknownKeyProblems
    let trigger = "\(reference.namespace)/\(reference.name): \(problems.joined(separator: "; ").prefix(1000))"
    let isNew = state.withLock { state in
      if state.triggers.count >= Self.limit { state.triggers.removeAll() }
      return state.triggers.insert(trigger).inserted
    }
    guard isNew else { return }
    unknownKeys.increment(by: Double(problems.count))
    for problem in problems {
      logger.warn(
        "a trigger's metadata hold a key that nobody reads",
        ["scaledObject": "\(reference.namespace)/\(reference.name)", "problem": problem])
    }
  }
}
