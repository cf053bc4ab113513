import KedastralCore
import KedastralKubernetes

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// How many replicas the targets of policies have, where no autoscaler says so: they are read, seldom enough for many policies.
struct TargetReplicas: Sendable {
  private struct Reading {
    var replicas: Int?
    var readAt: Date?
    var requestedAt: Date
    var failures = 0
  }

  /// The shortest time between two requests for one policy; it grows after failures.
  private static let interval = Duration.seconds(60)
  private static let longestInterval = Duration.seconds(600)
  /// The age from which a reading does not count.
  private static let longestAge = 900.0

  private var readings: [ObjectKey: Reading] = [:]
  /// The requests of all policies together.
  private var tokens = TokenBucket(rate: 0.25, burst: 20)

  mutating func remove(_ policy: ObjectKey) { readings[policy] = nil }

  mutating func refill(at now: Date) { tokens.refill(at: now) }

  /// Whether the replicas of a policy's target are to be read now; if so, the request counts as sent.
  mutating func takeTurn(_ policy: ObjectKey, at now: Date) -> Bool {
    let failures = readings[policy]?.failures ?? 0
    let interval = Self.interval.doubled(failures, atMost: Self.longestInterval).inSeconds
    if let at = readings[policy]?.requestedAt, abs(now.timeIntervalSince(at)) < interval { return false }
    guard tokens.available > 0 else { return false }
    tokens.take(1)
    readings[policy, default: Reading(requestedAt: now)].requestedAt = now
    return true
  }

  /// Notes what was read; nil when it could not be read.
  mutating func note(_ replicas: Int?, of policy: ObjectKey, at now: Date) {
    guard var reading = readings[policy] else { return }
    if let replicas {
      reading = Reading(replicas: replicas, readAt: now, requestedAt: reading.requestedAt)
    } else {
      reading.failures += 1
    }
    readings[policy] = reading
  }

  /// Whether nothing has come of reading yet, neither a number nor a failure.
  func isPending(_ policy: ObjectKey) -> Bool {
    readings[policy].map { $0.readAt == nil && $0.failures == 0 } ?? true
  }

  /// What was last read; nil when it is too old.
  func replicas(of policy: ObjectKey, at now: Date) -> Int? {
    guard let reading = readings[policy], let at = reading.readAt, now.timeIntervalSince(at) <= Self.longestAge else {
      return nil
    }
    return reading.replicas
  }
}
