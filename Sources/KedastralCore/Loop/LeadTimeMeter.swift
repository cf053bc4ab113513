#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Keeps a workload's own lead time: a setting, or a measurement that is repeated every five minutes.
///
/// A measurement that fails, or is of too few pods, changes nothing. Its first failure is logged, and its end.
package actor LeadTimeMeter {
  /// The time between two measurements, and after one that failed.
  static let interval = Duration.seconds(300)
  static let intervalAfterFailure = Duration.seconds(60)

  private let workload: WorkloadName
  private let source: (any StartupSource)?
  private let deadline: Duration
  private let clock: any WallClock
  private let logger: KedastralLogger
  private let setting: WorkloadLeadTime?
  private var estimator: LeadTimeEstimator
  private var due = Date.distantPast
  private var isFailing = false

  /// Creates a meter.
  ///
  /// - Parameters:
  ///   - rule: where the lead time comes from; nil when the workload has none of its own.
  ///   - horizon: how far the plan reaches.
  ///   - deadline: how long a measurement may take.
  package init(
    _ rule: LeadTimeRule?, of workload: WorkloadName, horizon: Duration, deadline: Duration,
    clock: any WallClock, logger: KedastralLogger
  ) {
    self.workload = workload
    self.deadline = deadline
    self.clock = clock
    self.logger = logger
    var pollingInterval = Duration.zero
    switch rule {
    case .fixed(let duration): (setting, source) = (WorkloadLeadTime(duration), nil)
    case .measured(let measured, let interval): (setting, source, pollingInterval) = (nil, measured, interval)
    case nil: (setting, source) = (nil, nil)
    }
    estimator = LeadTimeEstimator(pollingInterval: pollingInterval, horizon: horizon)
  }

  /// The present lead time; nil when the workload has none of its own, or it has not been measured yet.
  package var leadTime: WorkloadLeadTime? { setting ?? estimator.leadTime }

  /// Continues from the lead time of the stored plan.
  package func resume(from stored: WorkloadLeadTime?) {
    if let stored, source != nil { estimator.resume(from: stored) }
  }

  /// Measures again when the last measurement is old enough.
  package func measureIfDue() async {
    let now = clock.now
    guard let source, now >= due || due > now + Self.interval else { return }
    due = now + Self.interval
    do {
      let seconds = try await withDeadline(deadline, clock: clock) { try await source.startupSeconds(at: now) }
      if estimator.add(seconds, at: now) {
        noteSuccess()
      } else {
        noteFailure(
          .info,
          "only \(seconds.count) pods started in the last day; at least \(LeadTimeEstimator.fewestPods) are required")
      }
    } catch {
      guard !Task.isCancelled else { return }
      due = now + Self.intervalAfterFailure
      noteFailure(.warn, "\(error)")
    }
  }

  private func noteSuccess() {
    let startup = estimator.leadTime?.startup?.text ?? ""
    logger.log(
      isFailing ? .info : .debug, "measured the lead time",
      ["workload": workload.text, "leadTime": used, "startup": startup])
    isFailing = false
  }

  private func noteFailure(_ level: KedastralLogLevel, _ problem: String) {
    logger.log(
      isFailing ? .debug : level, "the lead time cannot be measured",
      ["workload": workload.text, "error": problem, "leadTime": used])
    isFailing = true
  }

  /// The lead time that stays in use.
  private var used: String { leadTime.map { DurationText.format($0.duration) } ?? "the scaler's default" }
}
