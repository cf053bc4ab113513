#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Reads the ready pods of a workload after each round: the samples since the last round, at first those of 200 steps.
///
/// A reading that fails, or takes longer than a quarter of the interval, changes nothing and is repeated after a minute at the
/// earliest. The first failure is logged, and its end.
actor RealPodsReader {
  /// How many steps the first reading, and one after failures, reaches back.
  static let mostSteps = 200
  static let intervalAfterFailure = Duration.seconds(60)

  private let workload: Workload
  private let source: any MetricSource
  private let clock: any WallClock
  private let logger: KedastralLogger
  private var due = Date.distantPast
  /// The pods as far as they are known.
  private(set) var pods = RealPods()
  /// Why they cannot be read; nil when they can.
  private(set) var problem: String?

  /// - Returns: nil for a workload without a source of its pods.
  init?(_ workload: Workload, clock: any WallClock, logger: KedastralLogger) {
    guard let source = workload.realPods else { return nil }
    self.workload = workload
    self.source = source
    self.clock = clock
    self.logger = logger
  }

  /// Reads the newest samples.
  func read() async {
    let now = clock.now
    guard now >= due || due > now + Self.intervalAfterFailure else { return }
    let step = workload.step
    let end = now.floored(to: step)
    let begin = max(pods.newest.map { $0 + step } ?? .distantPast, end - step * (Self.mostSteps - 1))
    guard begin <= end else { return }
    let limit = min(workload.collectDeadline, max(.seconds(1), workload.interval / 4))
    do {
      let reading = try await withDeadline(limit, clock: clock) { [source] in
        try await source.checkedRead(in: begin..<end + step / 2, step: step)
      }
      pods.add(reading.series)
      if problem != nil { logger.info("the ready pods are read again", ["workload": workload.name.text]) }
      problem = nil
    } catch {
      guard !Task.isCancelled else { return }
      due = now + Self.intervalAfterFailure
      logger.log(
        problem == nil ? .warn : .debug, "the ready pods cannot be read; plans do not depend on them",
        ["workload": workload.name.text, "error": "\(error)"])
      problem = "\(error)"
    }
  }
}
