import KedastralCore
import KedastralKubernetes
import KedastralSources

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What became of the latest request for an object.
struct RequestAttempt: Sendable {
  private var body: JSONValue?
  private var at: Date?
  private var failures = 0
  var error: String?

  mutating func start(_ body: JSONValue?, at now: Date) {
    failures = self.body == body && at != nil ? failures + 1 : 1
    self.body = body
    at = now
  }

  /// Whether a request is due: one that did not help is repeated after a growing wait; another one is sent at once.
  func mayTry(_ body: JSONValue?, _ settings: PolicyReconciler.Settings, at now: Date) -> Bool {
    guard let at, self.body == body else { return true }
    return now.timeIntervalSince(at) >= settings.delay(failures).inSeconds
  }
}

extension PolicyReconciler.Settings {
  /// The wait after so many failures in a row.
  func delay(_ failures: Int) -> Duration { retryInterval.doubled(failures - 1, atMost: longestRetryInterval) }
}
