#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A source whose request for a history serves all workloads that have announced theirs, so that they read it at the same time.
package protocol JointSource: MetricSource {
  /// Announces that the samples from an instant on will be read, so that the next request for a history includes them.
  func announceHistory(from start: Date) async
}
