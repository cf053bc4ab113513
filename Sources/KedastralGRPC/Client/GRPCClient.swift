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

/// Why a call failed: the request and the response in one line, suitable for logs.
package struct GRPCCallError: Error, Equatable, CustomStringConvertible {
  /// The server's address.
  package let address: String
  /// The method's name, such as `GetMetrics`.
  package let method: String
  /// The status: the server's, or the one that gRPC has for what happened on the way.
  package let status: GRPCStatus

  /// The status code's name, such as `NOT_FOUND`.
  package var code: String { status.code.name }
  /// What the server said, or what happened.
  package var message: String { status.message }

  package var description: String {
    let line = status.description.split(whereSeparator: \.isNewline).joined(separator: " ")
    return "\(address): \(method): \(line)"
  }
}

/// The answers of one server-streaming call, as encoded messages.
///
/// The call begins with the first `next()` and is broken off when its iterator goes away. A reader who is slow holds up the
/// server: no more than a flow-control window waits here.
package struct GRPCResponses: AsyncSequence, Sendable {
  package typealias Element = [UInt8]
  package typealias Failure = GRPCCallError

  let client: GRPCClient
  let method: String
  let message: [UInt8]
  let deadline: Duration?

  package func makeAsyncIterator() -> Iterator { Iterator(self) }

  /// One call.
  package final class Iterator: AsyncIteratorProtocol {
    private let call: GRPCResponses
    private var number: Int?
    /// The service's own fields of headers and trailers, once the call has ended well.
    private(set) var metadata: GRPCFields = []

    fileprivate init(_ call: GRPCResponses) { self.call = call }

    deinit { if let number { call.client.forget(number) } }

    /// The next message; nil when the call has ended well.
    ///
    /// - Throws: how else it ended; CANCELLED when the task is cancelled.
    package func next(isolation actor: isolated (any Actor)?) async throws(GRPCCallError) -> [UInt8]? {
      // Begun before the task's cancellation is listened for, so that a call can only be cancelled once it is there.
      let number = self.number ?? call.client.begin(call.method, call.message, deadline: call.deadline)
      self.number = number
      switch await call.client.next(of: number) {
      case .success(.message(let message)): return message
      case .success(.end(let metadata)):
        self.metadata = metadata
        return nil
      case .failure(let status): throw call.client.error(call.method, status)
      }
    }

    package func next() async throws(GRPCCallError) -> [UInt8]? { try await next(isolation: nil) }
  }
}
