import KedastralNet

/// Brings calls to the server that they are for. Loop-bound.
protocol CallRouter: AnyObject {
  /// Calls that should be submitted again a little later.
  var onLater: ([RedisCall]) -> Void { get set }
  /// The health may have changed.
  var onChange: () -> Void { get set }
  /// Why Redis cannot be reached; nil when it can.
  var problem: String? { get }
  /// Where messages can be subscribed to.
  var subscriptionLocation: MasterLocation? { get }
  /// The nodes that hold the data between them; nil while they are not known.
  var masters: [RedisCall.Target]? { get }
  /// Connects.
  func start()
  /// Sends calls.
  func submit(_ calls: [RedisCall])
  /// Ends all connections; the calls that waited are returned.
  func close() -> [RedisCall]
}
