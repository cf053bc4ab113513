import KedastralCore
import Synchronization

/// The permissions that the Redis user lacks; each is logged once when refusals begin and once when they end.
final class RefusalLog: Sendable {
  private let problems = Mutex<[String: String]>([:])

  /// Records Redis's response to an operation: the error text of a refusal, or nil when it is permitted.
  ///
  /// - Returns: whether this differs from the last response.
  @discardableResult
  func note(_ operation: String, _ problem: String?, _ logger: KedastralLogger) -> Bool {
    let before = problems.withLock { problems in
      let before = problems[operation]
      problems[operation] = problem
      return before
    }
    guard before != problem else { return false }
    if let problem {
      let consequence = Self.consequences[operation] ?? "the user's permissions are too few"
      logger.warn("redis refuses \(operation): \(consequence)", ["error": problem])
    } else {
      logger.info("redis permits \(operation) again", [:])
    }
    return true
  }

  /// The refusal of an operation, or nil while Redis permits it.
  func refusal(of operation: String) -> String? { problems.withLock { $0[operation] } }

  /// Whether Redis refuses an operation now.
  func isRefused(_ operation: String) -> Bool { refusal(of: operation) != nil }

  private static let consequences = [
    "SUBSCRIBE": "plans are read at intervals instead, and arrive later",
    "PUBLISH": "scalers find plans at their next reading, and so later",
    "reading plans": "no plans can be served from it",
    "reading some plans": "these are not served",
  ]
}

/// Redis does not permit its user to read.
struct RefusedRead: Error, CustomStringConvertible {
  /// Redis's error text.
  let problem: String
  var description: String { problem }
}

extension RESPValue {
  /// Redis's error text if the user lacks a permission; nil for other replies.
  var permissionProblem: String? {
    errorText.map(ReplyVerdict.plainText).flatMap { $0.hasPrefix("NOPERM") ? $0 : nil }
  }
}
