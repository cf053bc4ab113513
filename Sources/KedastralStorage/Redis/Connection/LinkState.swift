import KedastralCore

/// What a link to a server does about its connection: when it connects, how long it waits after a failure, how it is.
struct LinkState: Equatable {
  /// What the link is doing.
  enum Phase: Equatable {
    /// Nothing yet.
    case idle
    /// It looks for the server and connects.
    case connecting
    /// Commands can be sent.
    case ready
    /// It waits before it tries again.
    case pausing
    /// It has ended for good.
    case closed
  }

  /// What the link is doing.
  private(set) var phase = Phase.idle
  /// Why there is no connection; nil while there is one.
  private(set) var problem: String? = "not connected yet"
  private let backoff: Backoff
  private var failures = 0

  /// Creates the state of a link that has not begun.
  init(backoff: Backoff) { self.backoff = backoff }

  /// Whether to connect now: true once, when the link begins or its pause is over.
  mutating func begin() -> Bool {
    guard phase == .idle || phase == .pausing else { return false }
    phase = .connecting
    return true
  }

  /// The server has welcomed us. Only an answered command ends the row of failures: a server that welcomes and then hangs
  /// up must not be tried without pause.
  mutating func welcomed() {
    guard phase == .connecting else { return }
    phase = .ready
    problem = nil
  }

  /// A command was answered.
  mutating func answered() { failures = 0 }

  /// There is no connection, or none any more.
  ///
  /// - Returns: how long to wait before trying again, or nil when the link is closed.
  mutating func failed(_ problem: String, random: Double = .random(in: 0..<1)) -> Duration? {
    guard phase != .closed else { return nil }
    phase = .pausing
    self.problem = problem
    failures += 1
    return backoff.delay(afterFailures: failures, random: random)
  }

  /// It ends.
  mutating func close() {
    phase = .closed
    problem = "the store is closed"
  }
}
