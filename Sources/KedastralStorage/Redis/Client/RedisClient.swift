import KedastralCore
import KedastralNet
import Synchronization

/// The store's access to Redis: any task gives it commands and gets their replies.
///
/// It bounds what waits, in time and in memory, whatever the servers do.
final class RedisClient: Sendable {
  let loop: EventLoop
  let configuration: RedisConfiguration
  private let core: LoopBound<ClientCore?>
  private let healthBox: HealthBox
  /// Set before the loop stops: a stopped loop runs no more work.
  private let isClosed = Atomic(false)
  private let subscriptionCount = Atomic(0)

  /// Connects in the background.
  init(_ configuration: RedisConfiguration, on loop: EventLoop, logger: KedastralLogger) async throws {
    self.loop = loop
    self.configuration = configuration
    let healthBox = HealthBox(logger: logger)
    self.healthBox = healthBox
    core = try await loop.run {
      let core = ClientCore(configuration, on: loop)
      core.router.onChange = { [unowned core] in healthBox.set(problem: core.router.problem) }
      core.router.start()
      return LoopBound(core, to: loop)
    }
  }

  deinit {
    let core = core
    loop.execute { core.withValue { Self.end(&$0) } }
  }

  /// Whether the servers can be reached now.
  var health: RedisHealth { healthBox.value }

  /// Sends commands in one go.
  ///
  /// - Returns: the replies in the same order; a refusal is a reply too.
  /// - Throws: `RedisCall.Failure` when one of them has no answer in time.
  func execute(
    _ commands: [RedisCommand], target: RedisCall.Target = .owner, deadline: Duration? = nil
  ) async throws -> [RESPValue] {
    guard !commands.isEmpty else { return [] }
    guard !isClosed.load(ordering: .relaxed) else { throw RedisCall.Failure(problem: "the store is closed") }
    let deadline = deadline ?? configuration.callDeadline
    return try await withCheckedThrowingContinuation { continuation in
      let core = core
      loop.execute {
        core.withValue { core in
          guard let core else {
            return continuation.resume(throwing: RedisCall.Failure(problem: "the store is closed"))
          }
          core.execute(commands, target: target, deadline: deadline) { continuation.resume(with: $0) }
        }
      }
    }
  }

  /// The nodes that hold the data between them.
  func masters() async throws -> [RedisCall.Target] {
    let end = ContinuousClock.now + configuration.callDeadline
    let core = core
    while true {
      guard !isClosed.load(ordering: .relaxed) else { throw RedisCall.Failure(problem: "the store is closed") }
      let masters = try await loop.run { core.withValue { $0?.router.masters } }
      if let masters { return masters }
      guard ContinuousClock.now < end else { throw RedisCall.Failure(problem: health.problem ?? "no nodes are known") }
      try await Task.sleep(for: .milliseconds(50))
    }
  }

  /// A subscription, by which it can be given up.
  struct SubscriptionIdentifier: Hashable, Sendable {
    fileprivate let number: Int
  }

  /// Subscribes to a channel, until ``unsubscribe(_:)``.
  @discardableResult
  func subscribe(_ channel: String, handler: SubscriptionHandler) -> SubscriptionIdentifier {
    let identifier = SubscriptionIdentifier(
      number: subscriptionCount.wrappingAdd(1, ordering: .relaxed).newValue)
    let core = core
    loop.execute { core.withValue { $0?.subscribe(channel, as: identifier, handler: handler) } }
    return identifier
  }

  /// Gives a subscription up.
  func unsubscribe(_ identifier: SubscriptionIdentifier) {
    let core = core
    loop.execute { core.withValue { $0?.unsubscribe(identifier) } }
  }

  /// Ends all connections; calls under way fail.
  func close() async {
    guard !isClosed.exchange(true, ordering: .relaxed) else { return }
    let core = core
    try? await loop.run { core.withValue { Self.end(&$0) } }
    healthBox.close()
  }

  private static func end(_ core: inout ClientCore?) {
    core?.close()
    core = nil
  }
}

/// Whether Redis can be reached.
package enum RedisHealth: Sendable, Equatable {
  /// Redis can be reached.
  case reachable
  /// Redis cannot be reached, for this reason.
  case unreachable(why: String)

  /// The reason, or nil when Redis can be reached.
  package var problem: String? {
    if case .unreachable(let why) = self { why } else { nil }
  }
}

/// The health, for readers on any thread; changes are logged once.
private final class HealthBox: Sendable {
  private let logger: KedastralLogger
  private static let beforeConnecting = "not connected yet"
  private let state = Mutex<RedisHealth>(.unreachable(why: beforeConnecting))

  init(logger: KedastralLogger) { self.logger = logger }

  var value: RedisHealth { state.withLock { $0 } }

  /// Notes the end, which its owner wanted: nothing to warn of.
  func close() { state.withLock { $0 = .unreachable(why: "the store is closed") } }

  func set(problem: String?) {
    let new = problem.map { RedisHealth.unreachable(why: $0) } ?? .reachable
    let old = state.withLock { state in
      defer { state = new }
      return state
    }
    switch (old.problem, new.problem) {
    case (.some, nil): logger.info("redis is reachable")
    case (let before, .some(let problem)) where before != problem:
      let isNew = before == nil || before == Self.beforeConnecting
      logger.log(isNew ? .warn : .debug, "redis is \(isNew ? "unavailable" : "still away")", ["error": problem])
    default: break
    }
  }
}

/// The part of a client that lives on the loop.
final class ClientCore {
  let router: any CallRouter
  private let configuration: RedisConfiguration
  private let loop: EventLoop
  private var outstanding: [RedisCall] = []
  private var waitingBytes = 0
  private var tick: LoopTimer?
  private var later: [RedisCall] = []
  private var laterTimer: LoopTimer?
  private var subscriptions: [RedisClient.SubscriptionIdentifier: RedisSubscription] = [:]

  init(_ configuration: RedisConfiguration, on loop: EventLoop) {
    self.configuration = configuration
    self.loop = loop
    let plan = ConnectionPlan.server(configuration, on: loop)
    switch configuration.deployment {
    case .single(let address):
      router = SingleRouter(to: .fixed(address), plan: plan, configuration: configuration)
    case .sentinel(let master, let sentinels):
      let group = SentinelGroup(
        master: master, sentinels: sentinels, plan: .sentinel(configuration, on: loop))
      router = SingleRouter(to: .sentinels(group), plan: plan, configuration: configuration)
    case .cluster(let nodes):
      router = ClusterRouter(seeds: nodes, plan: plan, configuration: configuration)
    }
    router.onLater = { [unowned self] calls in postpone(calls) }
  }

  func execute(
    _ commands: [RedisCommand], target: RedisCall.Target, deadline: Duration,
    _ completion: @escaping (Result<[RESPValue], any Error>) -> Void
  ) {
    guard waitingBytes < configuration.maximumWaitingBytes else {
      let problem = router.problem ?? "it does not keep up"
      return completion(.failure(RedisCall.Failure(problem: "\(waitingBytes) bytes wait already: \(problem)")))
    }
    let batch = Batch(count: commands.count, completion)
    let end = ContinuousClock.now + deadline
    let calls = commands.enumerated().map { index, command in
      RedisCall(command, target: target, deadline: end) { batch.set(index, $0) }
    }
    for call in calls { waitingBytes += call.bytes.count }
    let bytes = calls.reduce(0) { $0 + $1.bytes.count }
    batch.onEnd = { [weak self] in self?.waitingBytes -= bytes }
    outstanding += calls
    if tick == nil {
      tick = LoopTimer(on: loop, every: .milliseconds(50)) { [unowned self] in expire() }
    }
    router.submit(calls)
  }

  func subscribe(
    _ channel: String, as identifier: RedisClient.SubscriptionIdentifier, handler: SubscriptionHandler
  ) {
    let subscription = RedisSubscription(
      channel: channel, plan: .server(configuration, on: loop), backoff: configuration.reconnect,
      resubscribe: configuration.resubscribe, handler: handler
    ) { [unowned self] in router.subscriptionLocation }
    subscriptions[identifier] = subscription
    subscription.start()
  }

  func unsubscribe(_ identifier: RedisClient.SubscriptionIdentifier) {
    subscriptions.removeValue(forKey: identifier)?.close()
  }

  func close() {
    for subscription in subscriptions.values { subscription.close() }
    tick = nil
    laterTimer = nil
    _ = router.close()
    for call in outstanding { call.finish(.failure(.init(problem: "the store is closed"))) }
    outstanding = []
    later = []
  }

  private func postpone(_ calls: [RedisCall]) {
    later += calls
    guard laterTimer == nil else { return }
    laterTimer = LoopTimer(on: loop, every: .milliseconds(100) * Double.random(in: 0.8..<1.2), repeating: false) {
      [unowned self] in
      laterTimer = nil
      let calls = later.filter { !$0.isOver }
      later = []
      router.submit(calls)
    }
  }

  private func expire() {
    let now = ContinuousClock.now
    var stuck: [RedisConnection] = []
    let expired = outstanding.filter { !$0.isOver && $0.deadline <= now }
    for call in expired {
      // A connection that still answers other calls is only slow; one that answers none is dead.
      if let connection = call.connection, connection.isSilent(for: configuration.callDeadline * 0.8),
        !stuck.contains(where: { $0 === connection })
      {
        stuck.append(connection)
      }
      let limit = DurationText.format(configuration.callDeadline)
      let missing = call.connection == nil ? "connection" : "answer"
      call.finish(
        .failure(.init(problem: "no \(missing) within \(limit)" + (call.lastProblem.map { " (\($0))" } ?? ""))))
    }
    for connection in stuck { connection.fail("it has stopped answering") }
    outstanding.removeAll { $0.isOver }
    if outstanding.isEmpty { tick = nil }
  }

  /// The replies of commands that were sent together.
  private final class Batch {
    var onEnd: () -> Void = {}
    private var replies: [RESPValue]
    private var missing: Int
    private var completion: ((Result<[RESPValue], any Error>) -> Void)?
    private var failure: RedisCall.Failure?

    init(count: Int, _ completion: @escaping (Result<[RESPValue], any Error>) -> Void) {
      replies = Array(repeating: .null, count: count)
      missing = count
      self.completion = completion
    }

    func set(_ index: Int, _ result: Result<RESPValue, RedisCall.Failure>) {
      switch result {
      case .success(let reply): replies[index] = reply
      case .failure(let failure): self.failure = self.failure ?? failure
      }
      missing -= 1
      guard missing == 0 else { return }
      onEnd()
      completion?(failure.map { .failure($0) } ?? .success(replies))
      completion = nil
    }
  }
}
