/// Is told how each forecast round ended; called on the loops' tasks, so it must be quick.
public protocol ForecastObserver: Sendable {
  /// A round stored this snapshot.
  func roundSucceeded(_ snapshot: Snapshot)

  /// A round came to nothing and will be tried again.
  func roundFailed(_ failure: ForecastFailure)
}
