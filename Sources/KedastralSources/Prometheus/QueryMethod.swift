import Synchronization

/// By which method a Prometheus takes queries: POST, which has room for long ones, or GET where a gateway refuses POST.
final class QueryMethod: Sendable {
  enum Method: Equatable {
    case post
    case get
  }

  /// After so many queries by GET one is tried by POST again: half a day at two a minute.
  static let queriesUntilRetry = 1500

  /// How many queries are still to be sent by GET.
  private let remainingGETs = Mutex(0)

  /// Whether a status says that the method, rather than the query, is refused: as client_golang has it.
  static func isRefusal(_ status: Int) -> Bool { [403, 405, 501].contains(status) }

  /// The method of the next query.
  func next() -> Method {
    remainingGETs.withLock { remaining in
      if remaining == 0 { return .post }
      remaining -= 1
      return .get
    }
  }

  /// POST was refused, and GET was answered.
  func noteThatGETServes() { remainingGETs.withLock { $0 = Self.queriesUntilRetry } }
}
