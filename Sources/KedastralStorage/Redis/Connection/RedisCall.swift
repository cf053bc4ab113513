import KedastralNet

/// One command on its way. It survives lost connections and redirections, until it is answered or its deadline passes.
///
/// Every command that the store sends may be sent twice without harm, so a call whose answer was lost is sent again.
final class RedisCall {
  /// Which server a call is for.
  enum Target: Equatable {
    /// The owner of the command's key; any server for a command without a key.
    case owner
    /// This node of a cluster.
    case node(RemoteAddress)
  }

  /// Why a call has no answer.
  struct Failure: Error, Sendable, CustomStringConvertible {
    let problem: String
    var description: String { problem }
  }

  /// The command in RESP; empty once the call is over.
  private(set) var bytes: [UInt8]
  let slot: HashSlot?
  let target: Target
  let deadline: ContinuousClock.Instant
  /// What went wrong last, for the error when time runs out.
  var lastProblem: String?
  /// How often a server has sent it to another one.
  var redirections = 0
  /// Whether the next server must first receive ASKING, because the slot is moving to it.
  var isAsking = false
  /// Where it waits for its answer.
  weak var connection: RedisConnection?
  private var completion: ((Result<RESPValue, Failure>) -> Void)?

  init(
    _ command: RedisCommand, target: Target = .owner, deadline: ContinuousClock.Instant,
    _ completion: @escaping (Result<RESPValue, Failure>) -> Void
  ) {
    bytes = command.encoded
    slot = command.key.map { HashSlot(key: $0) }
    self.target = target
    self.deadline = deadline
    self.completion = completion
  }

  /// Whether the caller has got its result.
  var isOver: Bool { completion == nil }

  /// Gives the caller its result; later results are dropped.
  func finish(_ result: Result<RESPValue, Failure>) {
    let completion = self.completion
    self.completion = nil
    bytes = []
    completion?(result)
  }
}

/// A queue: first in, first out, both ends in constant time.
struct Fifo<Element> {
  private var inbox: [Element] = []
  private var outbox: [Element] = []

  /// Whether nothing waits.
  var isEmpty: Bool { inbox.isEmpty && outbox.isEmpty }

  /// Adds at the end.
  mutating func append(_ element: Element) { inbox.append(element) }

  /// Takes the first.
  mutating func popFirst() -> Element? {
    if outbox.isEmpty {
      outbox = inbox.reversed()
      inbox.removeAll(keepingCapacity: true)
    }
    return outbox.popLast()
  }

  /// Takes all, in order.
  mutating func removeAll() -> [Element] {
    defer {
      inbox = []
      outbox = []
    }
    return outbox.reversed() + inbox
  }
}
