import Synchronization

/// The method of queries to a Prometheus server: POST, which allows long queries, or GET if a gateway rejects POST.
final class QueryMethod: Sendable {
  enum Method: Equatable {
    case post
    case get
  }

  /// After this number of queries by GET, one is tried by POST again: half a day at two per minute.
  static let queriesUntilRetry = 1500

  /// How many queries are still sent by GET.
  private let remainingGETs = Mutex(0)

  /// Whether a status rejects the method rather than the query, as in client_golang.
  static func isRefusal(_ status: Int) -> Bool { [403, 405, 501].contains(status) }

  /// The method of the next query.
  func next() -> Method {
    remainingGETs.withLock { remaining in
      if remaining == 0 { return .post }
      remaining -= 1
      return .get
    }
  }

  /// POST was rejected, and GET succeeded.
  func noteThatGETServes() { remainingGETs.withLock { $0 = Self.queriesUntilRetry } }
}
