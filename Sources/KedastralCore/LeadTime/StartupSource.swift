#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Measures how long a workload's pods take to start.
package protocol StartupSource: Sendable {
  /// The seconds from creation to readiness of each pod that was created in the last day, in any order.
  ///
  /// - Throws: when they cannot be read.
  func startupSeconds(at now: Date) async throws -> [Double]
}

/// Where a workload's own lead time comes from.
package enum LeadTimeRule: Sendable {
  /// A setting.
  case fixed(Duration)
  /// The start-up of its pods plus the interval at which KEDA's metric is requested.
  case measured(any StartupSource, pollingInterval: Duration)
}
