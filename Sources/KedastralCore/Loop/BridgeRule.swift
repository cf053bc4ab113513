#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// How long a plan is served when no new sample comes: the forecast bridges a gap in the data for a limited time.
///
///     age of the newest sample    0 ……… maxSampleAge ………………… maxSampleAge + bridgeTime ………
///     the plan                    normal   marked as bridged    no longer served as fresh
package struct BridgeRule: Sendable, Equatable {
  /// The age of the newest sample from which a plan counts as bridged.
  package var maxSampleAge: Duration
  /// How long a bridged plan is served.
  package var bridgeTime: Duration

  /// No plan counts as bridged.
  package static let never = BridgeRule(maxSampleAge: .seconds(1e12), bridgeTime: .zero)

  /// Until when a plan is served whose newest sample is too old at `now`; nil when the sample is recent enough.
  func bridgedUntil(newestSampleAt: Date, at now: Date) -> Date? {
    let begin = newestSampleAt + maxSampleAge
    return now > begin ? begin + bridgeTime : nil
  }

  /// The newest sample while it still counts as the current load.
  func currentLoad(of history: TimeSeries, at now: Date) -> Double? {
    guard let newest = history.lastPresentIndex, now <= history.instant(at: newest) + maxSampleAge else { return nil }
    return history.values[newest]
  }
}
