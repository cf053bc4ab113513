import KedastralNet
import Synchronization

/// A gRPC client of one server: unary and server-streaming calls over one connection, which it makes when it is needed.
///
///     let client = try await GRPCClient(.init(.network(host: "localhost", port: 50051)), on: loop)
///     let scaler = ExternalScalerClient(client)
///     print(try await scaler.isActive(ScaledObjectReference(name: "api")))
///     await client.close()
///
/// A call that the server provably has not looked at (its connection was being closed for age, say) is sent once more;
/// nothing else is repeated: the caller decides whether and when to retry.
package final class GRPCClient: Sendable {
  /// Whom to call, and within which limits.
  package struct Configuration: Sendable {
    /// The server.
    package var address: RemoteAddress
    /// Keys and trust, or nil for plain text.
    package var tls: TLSContext.Files?
    /// The name that the server's certificate must be made out to; nil for the address's host.
    package var serverName: String?
    /// How long making a connection may take, TLS included.
    package var connectTimeout: Duration = .seconds(5)
    /// The size of one request or response message, in bytes.
    package var maximumMessageBytes = 4 << 20
    /// The silence after which a server that has open calls is probed. Common servers refuse to be asked more often than
    /// every five minutes.
    package var keepAliveInterval: Duration = .seconds(310)
    /// The time a probe has to be answered.
    package var keepAliveTimeout: Duration = .seconds(20)

    /// Describes a server.
    package init(_ address: RemoteAddress, tls: TLSContext.Files? = nil, serverName: String? = nil) {
      self.address = address
      self.tls = tls
      self.serverName = serverName
    }

    /// The `:authority` sent to the server.
    var authority: String { serverName ?? (address.host == nil ? "localhost" : "\(address)") }
  }

  /// The server's address.
  package var address: RemoteAddress { configuration.address }

  private let loop: EventLoop
  private let configuration: Configuration
  private let channel: LoopBound<ClientChannel?>
  private let lastNumber = Atomic(0)
  /// Set before the loop is notified, because a stopped loop runs no tasks.
  private let isClosed = Atomic(false)

  /// Creates a client that connects at its first call; ``close()`` it before its loop stops.
  ///
  /// - Throws: `TLSContext.LoadError` when a file cannot be used.
  package init(_ configuration: Configuration, on loop: EventLoop) async throws {
    self.loop = loop
    self.configuration = configuration
    let tls = try configuration.tls.map {
      try TLSIdentity(.client, files: $0, protocols: ["h2"])
    }
    channel = try await loop.run { LoopBound(ClientChannel(on: loop, configuration, tls: tls), to: loop) }
  }

  deinit {
    guard !isClosed.load(ordering: .relaxed) else { return }
    perform { Self.end(&$0) }
  }

  /// Ends all calls and the connection; later calls fail. Harmless when repeated.
  package func close() async {
    guard !isClosed.exchange(true, ordering: .relaxed) else { return }
    await withCheckedContinuation { continuation in
      perform {
        Self.end(&$0)
        continuation.resume()
      }
    }
  }

  /// Makes a call that has one answer.
  ///
  /// - Parameters:
  ///   - method: the service's full name and the method's: `externalscaler.ExternalScaler/IsActive`.
  ///   - message: the encoded request.
  ///   - deadline: the maximum duration, including the time to connect; it is sent to the server.
  /// - Returns: the encoded answer, and the service's own fields of headers and trailers.
  package func call(
    _ method: String, _ message: [UInt8], deadline: Duration
  ) async throws(GRPCCallError) -> (message: [UInt8], metadata: GRPCFields) {
    let answers = responses(method, message, deadline: deadline).makeAsyncIterator()
    guard let answer = try await answers.next() else {
      throw error(method, GRPCStatus(.internal, "the call succeeded, but without a message"))
    }
    guard try await answers.next() == nil else {
      throw error(method, GRPCStatus(.internal, "expected one message, got more"))
    }
    return (answer, answers.metadata)
  }

  /// Makes a call that has many answers; it begins when the sequence is iterated, and ends with the iteration.
  /// - Parameter deadline: the maximum duration of the stream; nil for no limit.
  package func responses(_ method: String, _ message: [UInt8], deadline: Duration? = nil) -> GRPCResponses {
    GRPCResponses(client: self, method: method, message: message, deadline: deadline)
  }

  func error(_ method: String, _ status: GRPCStatus) -> GRPCCallError {
    let name = method.split(separator: "/").last.map { String($0) } ?? method
    return GRPCCallError(address: "\(address)", method: name, status: status)
  }

  // MARK: For iterators

  func begin(_ method: String, _ message: [UInt8], deadline: Duration?) -> Int {
    let number = lastNumber.add(1, ordering: .relaxed).newValue
    perform { $0?.begin(number, path: "/" + method, message: message, deadline: deadline) }
    return number
  }

  func next(of number: Int) async -> Result<ClientCall.Event, GRPCStatus> {
    let closed = GRPCStatus(.cancelled, "the client was closed")
    guard !isClosed.load(ordering: .relaxed) else { return .failure(closed) }
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        perform { channel in
          guard let channel else { return continuation.resume(returning: .failure(closed)) }
          channel.next(of: number) { continuation.resume(returning: $0) }
        }
      }
    } onCancel: {
      perform { $0?.cancel(number) }
    }
  }

  func forget(_ number: Int) { perform { $0?.forget(number) } }

  private func perform(_ work: @escaping @Sendable (inout ClientChannel?) -> Void) {
    loop.execute { [channel] in channel.withValue { work(&$0) } }
  }

  private static func end(_ channel: inout ClientChannel?) {
    channel?.close()
    channel = nil
  }
}
