import KedastralCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Limits how often something happens: so many times per second in the long run, and so many times at once.
struct TokenBucket: Sendable {
  private let rate: Double
  private let burst: Double
  private var tokens: Double
  private var refilledAt: Date?

  /// A full bucket.
  ///
  /// - Parameters:
  ///   - rate: how many times per second.
  ///   - burst: how many times at once.
  init(rate: Double, burst: Double) {
    (self.rate, self.burst) = (rate, burst)
    tokens = burst
  }

  /// How many times are left now.
  var available: Int { Int(tokens) }

  /// Adds what has become available until `now`; a clock that was set back adds nothing.
  mutating func refill(at now: Date) {
    let passed = refilledAt.map { max(0, now.timeIntervalSince($0)) } ?? 0
    refilledAt = now
    tokens = min(burst, tokens + passed * rate)
  }

  /// Uses up some of what is available.
  mutating func take(_ count: Int) { tokens -= Double(count) }
}

extension Duration {
  /// This wait after failures: doubled for each of them, up to a limit.
  func doubled(_ failures: Int, atMost longest: Duration) -> Duration {
    min(longest, self * (1 << min(10, max(0, failures))))
  }
}
