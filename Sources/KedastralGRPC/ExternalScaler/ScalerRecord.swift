import KedastralCore
import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Logs refused requests of a scaler, with a line when they begin and a line when they end, and unknown keys of triggers.
/// All loops of a server share it; while nothing is refused, no loop waits for it.
final class ScalerRecord: Sendable {
  /// Why KEDA gets no value.
  enum Reason: String {
    case noPlan = "no plan"
    case dryRun = "dry run"
    case stale
    case noPlannedLoad = "no planned load"
    case badTrigger = "bad trigger"
  }

  private struct Refusal {
    let since: Date
    var last: Date
    var count = 0
  }

  private struct State {
    /// By workload, so that a served call checks only those of its workload.
    var refusals: [String: [Reason: Refusal]] = [:]
    var count = 0
    var triggers: Set<String> = []
  }

  /// The maximum number of remembered refusals and triggers; further ones are logged at level debug.
  private static let limit = 10_000
  /// The most characters of a workload's name that are kept; valid names are shorter.
  private static let longestName = 300
  /// The time after the last refusal from which a client is considered gone, in seconds.
  private static let memory = 600.0

  private let state = Mutex(State())
  private let refusalCount = Atomic(0)
  private let unknownKeys: Metric
  private let logger: KedastralLogger

  init(metrics: MetricsRegistry, logger: KedastralLogger) {
    self.logger = logger
    unknownKeys = metrics.counter(
      "kedastral_scaler_unknown_metadata_total",
      help: "Number of unknown keys in trigger metadata, counted once for each trigger."
    ).with()
  }

  /// KEDA was refused a workload.
  func refused(_ workload: String, _ reason: Reason, _ status: GRPCStatus, at now: Date) {
    let workload = String(workload.prefix(Self.longestName))
    let isNew = state.withLock { state in
      let known = state.refusals[workload]?[reason]
      guard known != nil || state.count < Self.limit else { return false }
      var refusal = known ?? Refusal(since: now, last: now)
      refusal.count += 1
      refusal.last = now
      state.refusals[workload, default: [:]][reason] = refusal
      if known == nil { state.count += 1 }
      refusalCount.store(state.count, ordering: .relaxed)
      return known == nil
    }
    logger.log(
      isNew ? .warn : .debug, "refusing KEDA",
      ["workload": workload, "reason": reason.rawValue, "code": status.code.name, "error": status.message])
  }

  /// KEDA received a workload's value, requested in `mode`.
  func served(_ workload: String, mode: ScalingQuestion.Mode, at now: Date) {
    guard refusalCount.load(ordering: .relaxed) > 0 else { return }
    end(of: [workload], at: now, "answering KEDA again") { reason, _ in
      reason != .badTrigger && (reason != .noPlannedLoad || mode == .load)
    }
  }

  /// Ends refusals that have not occurred for a while.
  func forgetOld(at now: Date) {
    guard refusalCount.load(ordering: .relaxed) > 0 else { return }
    end(of: nil, at: now, "KEDA no longer sends the refused requests") { _, refusal in
      now.timeIntervalSince(refusal.last) > Self.memory
    }
  }

  /// Ends the refusals of some workloads, or of all, that are over.
  private func end(of workloads: [String]?, at now: Date, _ message: String, _ isOver: (Reason, Refusal) -> Bool) {
    let ended = state.withLock { state in
      var ended: [(workload: String, reason: Reason, refusal: Refusal)] = []
      for workload in workloads ?? Array(state.refusals.keys) {
        for (reason, refusal) in state.refusals[workload] ?? [:] where isOver(reason, refusal) {
          ended.append((workload, reason, refusal))
          state.refusals[workload]?[reason] = nil
        }
        if state.refusals[workload]?.isEmpty == true { state.refusals[workload] = nil }
      }
      state.count -= ended.count
      refusalCount.store(state.count, ordering: .relaxed)
      return ended
    }
    for (workload, reason, refusal) in ended {
      logger.info(
        message,
        [
          "workload": workload, "reason": reason.rawValue, "refused": "\(refusal.count)",
          "for": DurationText.format(.seconds(max(0, now.timeIntervalSince(refusal.since).rounded()))),
        ])
    }
  }

  /// Logs and counts a trigger's unknown keys when it is new.
  func noteUnknownKeys(of reference: ScaledObjectReference) {
    let trigger =
      "\(reference.namespace)/\(reference.name): \(reference.unknownKeys.joined(separator: "; ").prefix(1000))"
    let isNew = state.withLock { state in
      if state.triggers.count >= Self.limit { state.triggers.removeAll() }
      return state.triggers.insert(trigger).inserted
    }
    guard isNew else { return }
    // What was meant is worth finding out only once a trigger: it compares each key with all known ones.
    let problems = reference.unknownKeyProblems
    unknownKeys.increment(by: Double(problems.count))
    for problem in problems {
      logger.warn(
        "a trigger's metadata has an unknown key",
        ["scaledObject": "\(reference.namespace)/\(reference.name)", "problem": problem])
    }
  }
}
