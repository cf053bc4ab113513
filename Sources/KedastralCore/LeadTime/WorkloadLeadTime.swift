#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// How long before the load a workload's pods are requested when the trigger does not say: a setting, or a measurement.
///
/// It travels in the workload's snapshot, so that every process that serves or shows the plan uses the same one.
package struct WorkloadLeadTime: Sendable, Equatable {
  /// The lead time.
  package var duration: Duration
  /// The measurement that it follows from; nil when it is a setting.
  package var startup: PodStartup?

  /// Creates a lead time.
  package init(_ duration: Duration, startup: PodStartup? = nil) {
    self.duration = duration
    self.startup = startup
  }
}

/// How long a workload's pods took from their creation until they were ready.
package struct PodStartup: Sendable, Equatable, Codable {
  /// The 95th percentile in seconds.
  package var seconds: Double
  /// The number of pods that it is of.
  package var pods: Int
  /// When it was measured.
  package var measuredAt: Date

  /// Creates a measurement.
  package init(seconds: Double, pods: Int, measuredAt: Date) {
    self.seconds = seconds
    self.pods = pods
    // As in its text form.
    self.measuredAt = Date(timeIntervalSince1970: (measuredAt.timeIntervalSince1970 * 1000).rounded() / 1000)
  }

  /// `74 s (p95 of 212)`.
  package var text: String { "\(Int(seconds.rounded(.up))) s (p95 of \(pods))" }

  /// `Pods of api-app took 74 s to start (p95 of 212)`, without a full stop.
  package func sentence(of workload: String) -> String {
    "Pods of \(workload) took \(Int(seconds.rounded(.up))) s to start (p95 of \(pods))"
  }
}
