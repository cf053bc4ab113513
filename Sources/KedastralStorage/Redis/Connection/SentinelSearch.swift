import KedastralCore
import KedastralNet

/// How a link finds its server.
enum MasterLocation {
  /// At a fixed address.
  case fixed(RemoteAddress)
  /// At the address that the sentinels report.
  case sentinels(SentinelGroup)
}

/// The sentinels of a master. It remembers which one knew the master last and queries it first.
final class SentinelGroup {
  let master: String
  let plan: ConnectionPlan
  fileprivate var sentinels: [RemoteAddress]

  init(master: String, sentinels: [RemoteAddress], plan: ConnectionPlan) {
    self.master = master
    self.sentinels = sentinels
    self.plan = plan
  }

  fileprivate func prefer(_ sentinel: RemoteAddress) {
    sentinels.sort { $0 == sentinel && $1 != sentinel }
  }
}

/// A sentinel's reply about a master.
enum SentinelAnswer: Equatable {
  /// The master's address.
  case master(RemoteAddress)
  /// The sentinel does not know the master, and why.
  case unknown(String)

  /// Parses the reply to `SENTINEL get-master-addr-by-name`.
  init(_ reply: RESPValue, master: String) {
    if let parts = reply.elements, parts.count == 2, let host = parts[0].text, !host.isEmpty,
      let port = parts[1].number.flatMap({ UInt16(exactly: $0) }), port > 0
    {
      self = .master(.network(host: host, port: port))
    } else if reply == .null || reply == .array([]) {
      self = .unknown("it knows no master '\(master)'")
    } else {
      self = .unknown("it was asked for the master '\(master)' and answered \(reply.summary)")
    }
  }
}

/// Queries the sentinels one after the other for the master's address. Loop-bound; releasing it ends the search without
/// a callback.
final class SentinelSearch {
  /// No sentinel knows the master.
  struct SearchError: Error, CustomStringConvertible {
    let problem: String
    var description: String { problem }
  }

  private let group: SentinelGroup
  private let completion: (Result<RemoteAddress, SearchError>) -> Void
  private var remaining: [RemoteAddress]
  private var problems: [String] = []
  private var connection: RedisConnection?
  private var timer: LoopTimer?

  init(_ group: SentinelGroup, _ completion: @escaping (Result<RemoteAddress, SearchError>) -> Void) {
    self.group = group
    self.completion = completion
    remaining = group.sentinels.reversed()
    // Not before the caller has stored this search.
    timer = LoopTimer(on: group.plan.loop, every: .zero, repeating: false) { [unowned self] in askNext() }
  }

  deinit { connection?.close() }

  private func askNext() {
    guard let sentinel = remaining.popLast() else {
      return completion(.failure(SearchError(problem: "no sentinel helps: " + problems.joined(separator: "; "))))
    }
    let connection = RedisConnection(to: sentinel, plan: group.plan)
    self.connection = connection
    connection.onClosed = { [unowned self] problem in next("\(sentinel): \(problem)") }
    connection.onReady = { [unowned self, unowned connection] in
      connection.send(RedisCommand("SENTINEL", "get-master-addr-by-name", group.master)) { [unowned self] reply in
        switch SentinelAnswer(reply, master: group.master) {
        case .master(let address):
          timer = nil
          group.prefer(sentinel)
          connection.close()
          completion(.success(address))
        case .unknown(let problem): connection.fail(problem)
        }
      }
    }
    timer = LoopTimer(on: group.plan.loop, every: group.plan.deadline, repeating: false) {
      [unowned self, unowned connection] in
      connection.fail("no answer within \(DurationText.format(group.plan.deadline))")
    }
    connection.open()
  }

  private func next(_ problem: String) {
    problems.append(problem)
    timer = nil
    askNext()
  }
}
