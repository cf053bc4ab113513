import KedastralCore
import KedastralNet

/// Keeps a connection to one server, or to the present master: finds it, connects, and pauses after a failure before
/// it tries again. Loop-bound.
final class KeptConnection {
  /// Sets the callbacks of a new connection, before it opens; `onReady` and `onClosed` are taken.
  var onOpening: (RedisConnection) -> Void = { _ in }
  /// Commands may be sent.
  var onReady: (RedisConnection) -> Void = { _ in }
  /// There is no connection, for this reason; the one that broke, if there was one.
  var onLost: (String, RedisConnection?) -> Void = { _, _ in }

  private(set) var state: LinkState
  /// The connection in use or in the making; nil while its server is being looked for.
  private(set) var connection: RedisConnection?
  private let plan: ConnectionPlan
  private let locate: () -> MasterLocation?
  private var search: SentinelSearch?
  private var pause: LoopTimer?

  /// - Parameter locate: where the server is; nil while that is not known.
  init(_ plan: ConnectionPlan, backoff: Backoff, locate: @escaping () -> MasterLocation?) {
    self.plan = plan
    self.locate = locate
    state = LinkState(backoff: backoff)
  }

  /// Connects, unless it does already.
  func start() {
    guard state.begin() else { return }
    pause = nil
    switch locate() {
    case .fixed(let address): connect(to: address)
    case .sentinels(let group):
      search = SentinelSearch(group) { [unowned self] result in
        search = nil
        switch result {
        case .success(let address): connect(to: address)
        case .failure(let error): lost(error.problem)
        }
      }
    case nil: lost("no node is known")
    }
  }

  /// A command was answered.
  func answered() { state.answered() }

  /// Ends it for good; the connection that it had is closed.
  @discardableResult
  func close() -> RedisConnection? {
    state.close()
    search = nil
    pause = nil
    let last = connection
    connection = nil
    last?.close()
    return last
  }

  private func connect(to address: RemoteAddress) {
    let connection = RedisConnection(to: address, plan: plan)
    self.connection = connection
    onOpening(connection)
    connection.onReady = { [unowned self, unowned connection] in
      state.welcomed()
      onReady(connection)
    }
    connection.onClosed = { [unowned self] problem in lost("\(address): \(problem)") }
    connection.open()
  }

  private func lost(_ problem: String) {
    let broken = connection
    connection = nil
    guard let delay = state.failed(problem) else { return }
    pause = LoopTimer(on: plan.loop, every: delay, repeating: false) { [unowned self] in start() }
    onLost(problem, broken)
  }
}
