/// An operation exceeded its deadline.
package struct DeadlineExceeded: Error, Equatable, CustomStringConvertible {
  /// The time limit.
  package let limit: Duration

  /// Creates the error.
  package init(limit: Duration) { self.limit = limit }

  package var description: String { "no response within \(DurationText.format(limit))" }
}

/// Runs `operation` and cancels it when `limit` has passed on `clock`.
/// It waits for an operation that ignores cancellation, so that no task keeps running after the call.
/// - Throws: ``DeadlineExceeded`` when the limit has passed, otherwise the error of `operation`.
package func withDeadline<Result: Sendable>(
  _ limit: Duration, clock: any WallClock, _ operation: @escaping @Sendable () async throws -> Result
) async throws -> Result {
  try await withThrowingTaskGroup(of: Result?.self) { group in
    group.addTask { try await operation() }
    group.addTask {
      try await clock.sleep(for: limit)
      return nil
    }
    defer { group.cancelAll() }
    guard let first = try await group.next(), let result = first else { throw DeadlineExceeded(limit: limit) }
    return result
  }
}
