import KedastralCore
import KedastralNet

/// What a subscription reports; called on the loop.
struct SubscriptionHandler: Sendable {
  /// The channel is subscribed to, for the first time or again: earlier messages may have been lost.
  let onSubscribed: @Sendable () -> Void
  /// The channel cannot be subscribed to now.
  let onAway: @Sendable (String) -> Void
  /// The server refuses the subscription, with this error. No messages arrive until ``onSubscribed``; the subscription
  /// is requested again after a while.
  let onRefused: @Sendable (String) -> Void
  /// A message has arrived.
  let onMessage: @Sendable ([UInt8]) -> Void
}

/// Listens to one channel on its own connection, and subscribes again when the connection is lost. Loop-bound.
///
/// A channel without messages looks the same as a dead connection, so the server is pinged every few seconds. If the
/// server refuses the subscription (the user lacks permission for the channel), the connection stays open and the
/// subscription is requested again over it.
final class RedisSubscription {
  private let channel: String
  private let plan: ConnectionPlan
  private let handler: SubscriptionHandler
  private let kept: KeptConnection
  private var pinger: LoopTimer?
  private var isPingAnswered = true
  private let resubscribe: Backoff
  private var retry: LoopTimer?
  private var refusals = 0

  init(
    channel: String, plan: ConnectionPlan, backoff: Backoff, resubscribe: Backoff, handler: SubscriptionHandler,
    locate: @escaping () -> MasterLocation?
  ) {
    self.channel = channel
    self.plan = plan
    self.handler = handler
    self.resubscribe = resubscribe
    kept = KeptConnection(plan, backoff: backoff, locate: locate)
    kept.onOpening = { [unowned self] connection in
      connection.onMessage = { [unowned self] payload in
        kept.answered()
        handler.onMessage(payload)
      }
    }
    kept.onReady = { [unowned self] connection in
      requestSubscription(connection)
      isPingAnswered = true
      pinger = LoopTimer(on: plan.loop, every: plan.deadline) { [unowned self] in ping() }
    }
    kept.onLost = { [unowned self] problem, _ in
      pinger = nil
      retry = nil
      handler.onAway(problem)
    }
  }

  /// Connects and subscribes.
  func start() { kept.start() }

  /// Stops permanently.
  func close() {
    pinger = nil
    retry = nil
    kept.close()
  }

  private func requestSubscription(_ connection: RedisConnection) {
    connection.send(RedisCommand("SUBSCRIBE", channel)) { [unowned self, unowned connection] reply in
      guard let error = reply.errorText else {
        refusals = 0
        return handler.onSubscribed()
      }
      switch ReplyVerdict(reply, from: connection.address) {
      case .answer:
        refusals += 1
        let delay = resubscribe.delay(afterFailures: refusals)
        retry = LoopTimer(on: plan.loop, every: delay, repeating: false) { [unowned self, unowned connection] in
          requestSubscription(connection)
        }
        handler.onRefused(ReplyVerdict.plainText(error))
      case .later, .reconnect, .moved, .ask: connection.fail("it does not let us subscribe: \(error)")
      }
    }
  }

  private func ping() {
    guard isPingAnswered else {
      kept.connection?.fail("it has stopped answering")
      return
    }
    isPingAnswered = false
    kept.connection?.send(RedisCommand("PING")) { [unowned self] _ in
      isPingAnswered = true
      kept.answered()
    }
  }
}
