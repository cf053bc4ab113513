import KedastralNet

/// Sends calls to the server that they are for. Loop-bound.
protocol CallRouter: AnyObject {
  /// Calls that should be submitted again shortly.
  var onLater: ([RedisCall]) -> Void { get set }
  /// The health may have changed.
  var onChange: () -> Void { get set }
  /// Why Redis cannot be reached; nil when it can.
  var problem: String? { get }
  /// The server on which a channel can be subscribed to.
  var subscriptionLocation: MasterLocation? { get }
  /// The nodes that together hold the data; nil while they are unknown.
  var masters: [RedisCall.Target]? { get }
  /// Connects.
  func start()
  /// Sends calls.
  func submit(_ calls: [RedisCall])
  /// Closes all connections; the waiting calls are returned.
  func close() -> [RedisCall]
}
