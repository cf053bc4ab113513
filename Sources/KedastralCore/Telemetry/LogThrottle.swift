/// Lets one log line through for each key and interval, and counts what it held back.
package struct LogThrottle {
  private let interval: Duration
  private var states: [String: (loggedAt: ContinuousClock.Instant, skipped: Int)] = [:]

  /// Creates one that has let nothing through yet.
  package init(every interval: Duration) { self.interval = interval }

  /// How many lines were held back since the last one, when one may be written now; otherwise nil.
  package mutating func admit(_ key: String, at now: ContinuousClock.Instant) -> Int? {
    if let state = states[key], state.loggedAt + interval > now {
      states[key] = (state.loggedAt, state.skipped + 1)
      return nil
    }
    let skipped = states[key]?.skipped ?? 0
    if states.count >= 10_000 { states.removeAll() }
    states[key] = (now, 0)
    return skipped
  }
}
