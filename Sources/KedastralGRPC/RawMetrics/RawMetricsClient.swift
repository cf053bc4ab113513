/// The service of KEDA's metrics server that streams the values of triggers.
///
///     let metrics = RawMetricsClient(client, subscriber: "kedastral-1")
///     _ = try await metrics.subscribe(to: ScalingTrigger(namespace: "shop", object: "orders", name: "lag"))
///     for try await values in metrics.values() { print(values) }
///
/// KEDA keeps a subscription for as long as its values are read; it sends each value to one stream of the subscriber.
/// Everything throws ``GRPCCallError``, which names the address, the method and the status.
package struct RawMetricsClient: Sendable {
  private static let serviceName = "api.RawMetricsService"

  private let client: GRPCClient
  /// The name that identifies this process; no other process may use the same.
  private let subscriber: String
  /// How long a unary call may take.
  private let deadline: Duration

  /// Creates a client of the service.
  package init(_ client: GRPCClient, subscriber: String, deadline: Duration = .seconds(10)) {
    self.client = client
    self.subscriber = subscriber
    self.deadline = deadline
  }

  /// Adds a trigger to the stream, whether or not it exists.
  ///
  /// - Returns: whether it was there before.
  package func subscribe(to trigger: ScalingTrigger) async throws(GRPCCallError) -> Bool {
    try await change("SubscribeMetric", trigger)
  }

  /// Removes a trigger from the stream.
  ///
  /// - Returns: whether it was there before.
  package func unsubscribe(from trigger: ScalingTrigger) async throws(GRPCCallError) -> Bool {
    try await change("UnsubscribeMetric", trigger)
  }

  /// The values of all triggers that were subscribed to, until the server ends the stream or the iteration ends.
  package func values() -> some AsyncSequence<[RawMetric], GRPCCallError> & Sendable {
    let responses = client.responses(
      Self.serviceName + "/GetRawMetricsStream", RawMetricsCodec.stream(subscriber: subscriber))
    return DecodedResponses(responses: responses) { bytes throws(GRPCStatus) in try RawMetricsCodec.metrics(bytes) }
  }

  private func change(_ method: String, _ trigger: ScalingTrigger) async throws(GRPCCallError) -> Bool {
    let path = "\(Self.serviceName)/\(method)"
    let message = RawMetricsCodec.subscription(of: trigger, subscriber: subscriber)
    let (bytes, _) = try await client.call(path, message, deadline: deadline)
    do throws(GRPCStatus) { return try RawMetricsCodec.wasSubscribed(bytes.span.bytes) } catch {
      throw client.error(path, error)
    }
  }
}
