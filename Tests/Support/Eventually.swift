/// A condition did not come true in time.
public struct ConditionTimeout: Error, CustomStringConvertible {
  /// What was waited for.
  public let what: String
  public var description: String { "timed out while waiting for \(what)" }
}

/// Waits until `condition` returns true, asking again every few milliseconds; the deadline only bounds a failing test.
public func eventually(
  _ what: String, within deadline: Duration = .seconds(60), _ condition: () async throws -> Bool
) async throws {
  let clock = ContinuousClock()
  let end = clock.now + deadline
  while clock.now < end {
    if try await condition() { return }
    try await Task.sleep(for: .milliseconds(10))
  }
  throw ConditionTimeout(what: what)
}
