import KedastralNet

/// Sends all calls to one server: the only one, or the master that the sentinels report.
final class SingleRouter: CallRouter {
  var onLater: ([RedisCall]) -> Void = { _ in }
  var onChange: () -> Void = {}
  private let location: MasterLocation
  private let link: RedisLink

  init(to location: MasterLocation, plan: ConnectionPlan, configuration: RedisConfiguration) {
    self.location = location
    link = RedisLink(to: location, plan: plan, backoff: configuration.reconnect)
    link.onChange = { [unowned self] in onChange() }
    link.onLost = { [unowned self] calls in link.submit(calls) }
    link.onReply = { [unowned self] link, call, reply in
      switch ReplyVerdict(reply, from: link.address) {
      case .answer, .moved, .ask: call.finish(.success(reply))
      case .later(let problem):
        call.lastProblem = problem
        onLater([call])
      case .reconnect(let problem):
        call.lastProblem = problem
        onLater([call])
        link.reconnect(because: problem)
      }
    }
  }

  var problem: String? { link.state.problem }
  var subscriptionLocation: MasterLocation? { location }
  var masters: [RedisCall.Target]? { [.owner] }
  func start() { link.start() }
  func submit(_ calls: [RedisCall]) { link.submit(calls) }
  func close() -> [RedisCall] { link.close() }
}
