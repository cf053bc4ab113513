import KedastralCore
import KedastralNet

/// Keeps one connection to one server, or to whoever is the master now, and sends calls over it.
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

  private(set) var state: LinkState
  private let location: MasterLocation
  private let plan: ConnectionPlan
  private var connection: RedisConnection?
  private var search: SentinelSearch?
  private var pause: LoopTimer?
  private var waiting = Fifo<RedisCall>()

  init(to location: MasterLocation, plan: ConnectionPlan, backoff: Backoff) {
    self.location = location
    self.plan = plan
    state = LinkState(backoff: backoff)
  }

  /// The server in use; nil while it is being looked for.
  var address: RemoteAddress? { connection?.address }

  /// Connects, unless it does already.
  func start() {
    guard state.begin() else { return }
    pause = nil
    switch location {
    case .fixed(let address): connect(to: address)
    case .sentinels(let group):
      search = SentinelSearch(group) { [unowned self] result in
        search = nil
        switch result {
        case .success(let address): connect(to: address)
        case .failure(let error): lost(error.problem)
        }
      }
    }
  }

  /// Sends calls, now or once there is a connection.
  func submit(_ calls: [RedisCall]) {
    if state.phase == .ready, let connection { return connection.send(calls) }
    for call in calls {
      call.lastProblem = state.problem ?? call.lastProblem
      waiting.append(call)
    }
    // After a failure, the pause comes first, however many calls wait.
    if state.phase == .idle { start() }
  }

  /// Gives the connection up and makes a new one.
  func reconnect(because problem: String) { connection?.fail(problem) }

  /// Ends the link; what waits here is returned.
  func close() -> [RedisCall] {
    state.close()
    search = nil
    pause = nil
    let calls = (connection?.takeUnansweredCalls() ?? []) + waiting.removeAll()
    connection?.close()
    connection = nil
    return calls
  }

  private func connect(to address: RemoteAddress) {
    let connection = RedisConnection(to: address, plan: plan)
    self.connection = connection
    connection.onReady = { [unowned self, unowned connection] in
      state.welcomed()
      onChange()
      connection.send(waiting.removeAll())
    }
    connection.onReply = { [unowned self] call, reply in
      state.answered()
      onReply(self, call, reply)
    }
    connection.onClosed = { [unowned self] problem in lost("\(address): \(problem)") }
    connection.open()
  }

  private func lost(_ problem: String) {
    let calls = (connection?.takeUnansweredCalls() ?? []) + waiting.removeAll()
    connection = nil
    guard let delay = state.failed(problem) else { return }
    pause = LoopTimer(on: plan.loop, every: delay, repeating: false) { [unowned self] in start() }
    for call in calls { call.lastProblem = problem }
    onChange()
    onLost(calls)
  }
}
