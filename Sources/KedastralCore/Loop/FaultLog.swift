import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// An error of a source that can concern many workloads at once.
package protocol SourceFault: Error {
  /// The server that does not answer; nil when the error concerns this one request only.
  ///
  /// Workloads with the same server share one log line when it begins to fail, and one when it answers again.
  var outage: String? { get }
}

/// Logs failing rounds: a line when a fault begins and a line when it ends, however many workloads and rounds it touches.
package final class FaultLog: Sendable {
  fileprivate struct Fault {
    let since: Date
    var workloads: Set<WorkloadName> = []
    var failedRounds = 0
  }

  fileprivate struct State {
    var faults: [String: Fault] = [:]
    /// The fault that each failing workload belongs to.
    var keys: [WorkloadName: String] = [:]
  }

  private let state = Mutex(State())
  private let logger: KedastralLogger

  /// Creates a log without faults.
  package init(_ logger: KedastralLogger) { self.logger = logger }

  /// A round failed.
  func failed(_ failure: ForecastFailure, at now: Date) {
    let key = failure.outage ?? "\(failure.stage.rawValue) of \(failure.workload)"
    let (isNew, ended) = state.withLock { state in
      let ended = state.keys[failure.workload] == key ? nil : state.leave(failure.workload)
      let isNew = state.faults[key] == nil
      state.faults[key, default: Fault(since: now)].workloads.insert(failure.workload)
      state.faults[key]?.failedRounds += 1
      state.keys[failure.workload] = key
      return (isNew, ended)
    }
    if let ended { logEnd(ended, at: now) }
    let level = isNew ? KedastralLogLevel.warn : .debug
    if let outage = failure.outage {
      logger.log(
        level, "forecast failed",
        [
          "workload": failure.workload.text, "stage": failure.stage.rawValue, "error": failure.problem,
          "server": outage, "note": "one line for all workloads of this server until it responds again",
        ])
    } else {
      logger.log(
        level, "forecast failed",
        ["workload": failure.workload.text, "stage": failure.stage.rawValue, "error": failure.problem])
    }
  }

  /// The workload is not forecast any more, which ends no fault.
  func ended(_ workload: WorkloadName) { state.withLock { _ = $0.leave(workload) } }

  /// A round succeeded.
  func succeeded(_ workload: WorkloadName, at now: Date) {
    if let ended = state.withLock({ $0.leave(workload) }) { logEnd(ended, at: now) }
  }

  private func logEnd(_ ended: (key: String, fault: Fault, last: WorkloadName), at now: Date) {
    logger.info(
      "forecast succeeds again",
      [
        "after": ended.key, "workload": ended.last.text, "failedRounds": "\(ended.fault.failedRounds)",
        "failedFor": DurationText.format(.seconds(max(0, now.timeIntervalSince(ended.fault.since).rounded()))),
      ])
  }
}

extension FaultLog.State {
  /// Takes a workload out of its fault; returns the fault when it was the last one in it.
  fileprivate mutating func leave(_ workload: WorkloadName) -> (key: String, fault: FaultLog.Fault, last: WorkloadName)?
  {
    guard let key = keys.removeValue(forKey: workload) else { return nil }
    faults[key]?.workloads.remove(workload)
    guard let fault = faults[key], fault.workloads.isEmpty else { return nil }
    faults[key] = nil
    return (key, fault, workload)
  }
}
