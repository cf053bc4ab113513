/// Something took longer than it may.
public struct DeadlineExceeded: Error, Equatable, CustomStringConvertible {
  /// How long it was given.
  public let limit: Duration

  /// Creates the error.
  public init(limit: Duration) { self.limit = limit }

  public var description: String { "no response within \(DurationText.format(limit))" }
}

/// Runs `operation` and cancels it when `limit` has passed on `clock`.
///
/// An operation that ignores cancellation is waited for all the same: nothing is left running behind the caller's back.
///
/// - Throws: ``DeadlineExceeded`` when time ran out, else what `operation` throws.
public func withDeadline<Result: Sendable>(
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
