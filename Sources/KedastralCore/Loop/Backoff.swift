/// Growing, jittered waits between attempts: doubled each time up to a maximum, then spread over ±20 %.
package struct Backoff: Sendable, Equatable {
  /// The wait after the first failure, before jitter.
  package let initial: Duration
  /// The longest wait, before jitter.
  package let maximum: Duration

  /// Creates a back-off.
  package init(initial: Duration, maximum: Duration) {
    self.initial = initial
    self.maximum = maximum
  }

  /// The wait after `failures` failures in a row (1 or more).
  ///
  /// - Parameter random: a number in 0..<1 that decides the jitter.
  package func delay(afterFailures failures: Int, random: Double = .random(in: 0..<1)) -> Duration {
    let doublings = min(max(0, failures - 1), 30)
    return min(initial * (1 << doublings), maximum) * (0.8 + 0.4 * random)
  }
}
