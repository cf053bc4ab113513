/// Allows a burst, and a rate in the long run.
struct TokenBucket {
  private let capacity: Double
  private let perSecond: Double
  private var tokens: Double
  private var filledAt: ContinuousClock.Instant

  /// Creates a full bucket.
  init(burst: Int, perSecond: Int, at now: ContinuousClock.Instant) {
    capacity = Double(burst)
    self.perSecond = Double(perSecond)
    tokens = capacity
    filledAt = now
  }

  /// Takes a token; false when there is none.
  mutating func take(at now: ContinuousClock.Instant) -> Bool {
    if tokens < 1 {
      let elapsed = filledAt.duration(to: now).components
      let seconds = Double(elapsed.seconds) + Double(elapsed.attoseconds) * 1e-18
      tokens = min(capacity, tokens + seconds * perSecond)
      filledAt = now
    }
    guard tokens >= 1 else { return false }
    tokens -= 1
    return true
  }

  /// Puts tokens back.
  mutating func give(_ count: Int) { tokens = min(capacity, tokens + Double(count)) }
}
