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
  private static let interval = 60.0
  private static let longestInterval = 600.0
  /// Requests per second of all policies together, and how many may be sent at once.
  private static let (rate, burst) = (0.25, 20.0)
  /// The age from which a reading does not count.
  private static let longestAge = 900.0

  private var readings: [ObjectKey: Reading] = [:]
  private var tokens = burst
  private var refilledAt: Date?

  mutating func remove(_ policy: ObjectKey) { readings[policy] = nil }

  mutating func refill(at now: Date) {
    let passed = refilledAt.map { max(0, now.timeIntervalSince($0)) } ?? 0
    refilledAt = now
    tokens = min(Self.burst, tokens + passed * Self.rate)
  }

  /// Whether the replicas of a policy's target are to be read now; if so, the request counts as sent.
  mutating func takeTurn(_ policy: ObjectKey, at now: Date) -> Bool {
    let failures = readings[policy]?.failures ?? 0
    let interval = min(Self.longestInterval, Self.interval * Double(1 << min(4, failures)))
    if let at = readings[policy]?.requestedAt, abs(now.timeIntervalSince(at)) < interval { return false }
    guard tokens >= 1 else { return false }
    tokens -= 1
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

  /// What was last read; nil when it is too old.
  func replicas(of policy: ObjectKey, at now: Date) -> Int? {
    guard let reading = readings[policy], let at = reading.readAt, now.timeIntervalSince(at) <= Self.longestAge else {
      return nil
    }
    return reading.replicas
  }
}
