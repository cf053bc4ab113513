import KedastralCore
import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The readers of a shared query: each wants the series with one value of the label.
final class SharedReaders: Sendable {
  private let state = Mutex<(last: Int, values: [Int: String])>((0, [:]))

  /// The values by reader.
  var values: [Int: String] { state.withLock { $0.values } }

  /// Adds a reader; returns its number.
  func add(_ value: String) -> Int {
    state.withLock { state in
      state.last += 1
      state.values[state.last] = value
      return state.last
    }
  }

  func remove(_ reader: Int) { state.withLock { _ = $0.values.removeValue(forKey: reader) } }
}

/// Tasks that wait for the same result. Each of them ends alone when it is cancelled or has waited for too long.
struct WaitingTasks {
  private var continuations: [Int: CheckedContinuation<Void, any Error>] = [:]

  func contains(_ task: Int) -> Bool { continuations[task] != nil }

  mutating func add(_ task: Int, _ continuation: CheckedContinuation<Void, any Error>) {
    continuations[task] = continuation
  }

  mutating func end(_ task: Int, _ error: any Error) {
    continuations.removeValue(forKey: task)?.resume(throwing: error)
  }

  mutating func endAll(_ result: Result<Void, any Error>) {
    defer { continuations = [:] }
    for continuation in continuations.values { continuation.resume(with: result) }
  }
}

/// The failures in a row of a kind of request: how long its error stands for further readers, so that they do not all repeat it.
struct HeldFailure {
  private(set) var error: SharedQueryError?
  private var failures = 0
  private var begin = Date(timeIntervalSince1970: 0)
  private var hold = Duration.zero

  /// Notes a failure; the first one stands for a second, each further one for twice as long, at most `longest`.
  mutating func note(_ error: SharedQueryError, at now: Date, longest: Duration) {
    failures += 1
    hold = min(.seconds(1) * (1 << min(failures - 1, 20)), max(longest, .seconds(1)))
    begin = now
    self.error = error
  }

  mutating func succeeded() { self = HeldFailure() }

  /// Throws the last error while it stands.
  func check(at now: Date) throws {
    // A clock that was set back does not prolong it.
    if let error, now >= begin, now < begin + hold { throw error }
  }
}
