/// KEDA's external scaler, called as KEDA calls it.
///
///     let scaler = ExternalScalerClient(try await GRPCClient(.init(.network(host: "scaler", port: 50051)), on: loop))
///     let object = ScaledObjectReference(name: "api", namespace: "shop", metadata: ["leadTime": "5m"])
///     for spec in try await scaler.getMetricSpec(object) {
///       for value in try await scaler.getMetrics(object, metric: spec.name) { print(spec.replicas(for: value)) }
///     }
///
/// Everything throws ``GRPCCallError``, which names the address, the method and the status. It speaks to any external
/// scaler, not only to Kedastral's.
package struct ExternalScalerClient: Sendable {
  /// The name of the service that it calls.
  package static let serviceName = ExternalScalerService.serviceName

  /// The client that carries the calls.
  package let client: GRPCClient
  /// How long a unary call may take.
  package var deadline: Duration

  /// Creates a scaler's client.
  package init(_ client: GRPCClient, deadline: Duration = .seconds(5)) {
    self.client = client
    self.deadline = deadline
  }

  /// Whether the ScaledObject's workload should run at all.
  package func isActive(_ object: ScaledObjectReference) async throws(GRPCCallError) -> Bool {
    try await ask("IsActive", ExternalScalerClientCodec.encode(object), ExternalScalerClientCodec.isActive)
  }

  /// The metrics that the autoscaler shall watch, and their targets.
  package func getMetricSpec(_ object: ScaledObjectReference) async throws(GRPCCallError) -> [MetricSpec] {
    try await ask("GetMetricSpec", ExternalScalerClientCodec.encode(object), ExternalScalerClientCodec.specs)
  }

  /// The values of a metric now.
  package func getMetrics(
    _ object: ScaledObjectReference, metric: String
  ) async throws(GRPCCallError) -> [MetricValue] {
    let (values, metadata) = try await askWithMetadata(
      "GetMetrics", ExternalScalerClientCodec.encode(object, metric: metric), ExternalScalerClientCodec.values)
    guard let forecast = ForecastLength.read(metadata) else { return values }
    return values.map { MetricValue(name: $0.name, value: $0.value, forecast: forecast) }
  }

  /// ``isActive(_:)`` as a stream: the state at once, then each change, until the iteration ends.
  package func streamIsActive(_ object: ScaledObjectReference) -> some AsyncSequence<Bool, GRPCCallError> & Sendable {
    follow("StreamIsActive", object, ExternalScalerClientCodec.isActive)
  }

  /// ``getMetricSpec(_:)`` as a stream: the specifications at once, then each change, until the iteration ends.
  package func streamMetricSpec(
    _ object: ScaledObjectReference
  ) -> some AsyncSequence<[MetricSpec], GRPCCallError> & Sendable {
    follow("StreamMetricSpec", object, ExternalScalerClientCodec.specs)
  }

  private func ask<Answer>(
    _ method: String, _ message: [UInt8], _ decode: (RawSpan) throws(GRPCStatus) -> Answer
  ) async throws(GRPCCallError) -> Answer {
    try await askWithMetadata(method, message, decode).0
  }

  private func askWithMetadata<Answer>(
    _ method: String, _ message: [UInt8], _ decode: (RawSpan) throws(GRPCStatus) -> Answer
  ) async throws(GRPCCallError) -> (Answer, GRPCFields) {
    let path = "\(ExternalScalerService.serviceName)/\(method)"
    let (bytes, metadata) = try await client.call(path, message, deadline: deadline)
    do throws(GRPCStatus) { return (try decode(bytes.span.bytes), metadata) } catch { throw client.error(path, error) }
  }

  private func follow<Answer: Sendable>(
    _ method: String, _ object: ScaledObjectReference,
    _ decode: @escaping @Sendable (RawSpan) throws(GRPCStatus) -> Answer
  ) -> DecodedResponses<Answer> {
    let path = "\(ExternalScalerService.serviceName)/\(method)"
    return DecodedResponses(
      responses: client.responses(path, ExternalScalerClientCodec.encode(object)), decode: decode)
  }
}

/// A metric that a scaler offers to the autoscaler, as GetMetricSpec tells it.
package struct MetricSpec: Sendable, Equatable {
  /// The metric's name, by which GetMetrics is asked.
  package let name: String
  /// What the value is divided by to get replicas: the floating-point field when it is above 0, else the integer one, as
  /// KEDA reads it.
  package let target: Double

  /// Creates a specification.
  package init(name: String, target: Double) {
    self.name = name
    self.target = target
  }

  /// The replicas that an autoscaler wants for `value`, before the ScaledObject's limits: both numbers in thousandths, cut
  /// off, as KEDA hands them over, and the quotient rounded up. Nil when the target is not above 0.
  package func replicas(for value: MetricValue) -> Int? {
    guard let value = Self.thousandths(value.value), let target = Self.thousandths(target), target > 0 else {
      return nil
    }
    return Int((max(0, value) / target).rounded(.up))
  }

  private static func thousandths(_ number: Double) -> Double? {
    let scaled = (number * 1000).rounded(.towardZero)
    return abs(scaled) < 9e18 ? scaled : nil
  }
}

/// A metric's value, as GetMetrics tells it.
package struct MetricValue: Sendable, Equatable {
  /// The metric's name.
  package let name: String
  /// The floating-point field when it is above 0, else the integer one, as KEDA reads it.
  package let value: Double
  /// How far the forecast reaches, where the scaler reports that this is less than the requested lead time.
  package let forecast: Duration?

  /// Creates a value.
  package init(name: String, value: Double, forecast: Duration? = nil) {
    self.forecast = forecast
    self.name = name
    self.value = value
  }
}
