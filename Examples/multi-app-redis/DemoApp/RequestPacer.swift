import FoundationEssentials

/// Decides how many requests are due, so that their number follows a rate exactly over time.
///
/// The load is open: it does not wait for answers, as users do not. What a stall of the process itself has missed is not
/// made up for by a burst.
struct RequestPacer {
  private var last: Date
  private var owed = 0.0

  /// Begins at a moment with nothing due.
  init(from instant: Date) { last = instant }

  /// The number of requests that have become due since the last call, at `rate` a second.
  mutating func due(at instant: Date, rate: Double) -> Int {
    owed += max(0, min(0.25, instant.timeIntervalSince(last))) * rate
    last = instant
    let count = Int(owed)
    owed -= Double(count)
    return count
  }
}
