import KedastralCore
import KedastralNet

/// Keeps one connection to one server, or to the current master, and sends calls over it.
///
/// Loop-bound. While there is no connection, calls wait here; when one breaks, its calls go back to the router, which knows
/// whether this is still the right place for them.
final class RedisLink {
  /// Takes calls back, with what went wrong.
  var onLost: ([RedisCall]) -> Void = { _ in }
  /// Judges an answer.
  var onReply: (RedisLink, RedisCall, RESPValue) -> Void = { _, _, _ in }
  /// The connection came or went.
  var onChange: () -> Void = {}

  private let kept: KeptConnection
  private var waiting = Fifo<RedisCall>()

  init(to location: MasterLocation, plan: ConnectionPlan, backoff: Backoff) {
    kept = KeptConnection(plan, backoff: backoff) { location }
    kept.onOpening = { [unowned self] connection in
      connection.onReply = { [unowned self] call, reply in
        kept.answered()
        onReply(self, call, reply)
      }
    }
    kept.onReady = { [unowned self] connection in
      onChange()
      connection.send(waiting.removeAll())
    }
    kept.onLost = { [unowned self] problem, connection in
      let calls = takeCalls(of: connection)
      for call in calls { call.lastProblem = problem }
      onChange()
      onLost(calls)
    }
  }

  /// How the connection is.
  var state: LinkState { kept.state }

  /// The server in use; nil while it is being looked for.
  var address: RemoteAddress? { kept.connection?.address }

  /// Connects, unless it does already.
  func start() { kept.start() }

  /// Sends calls, now or once there is a connection.
  func submit(_ calls: [RedisCall]) {
    if state.phase == .ready, let connection = kept.connection { return connection.send(calls) }
    for call in calls {
      call.lastProblem = state.problem ?? call.lastProblem
      waiting.append(call)
    }
    // After a failure, the pause comes first, however many calls wait.
    if state.phase == .idle { start() }
  }

  /// Gives the connection up and makes a new one.
  func reconnect(because problem: String) { kept.connection?.fail(problem) }

  /// Ends the link; what waits here is returned.
  func close() -> [RedisCall] { takeCalls(of: kept.close()) }

  private func takeCalls(of connection: RedisConnection?) -> [RedisCall] {
    (connection?.takeUnansweredCalls() ?? []) + waiting.removeAll()
  }
}
