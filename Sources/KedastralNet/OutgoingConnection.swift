import CEvent
import Glibc

/// One attempt to connect, which ends with a ``ByteStream`` or with the reason why there is none.
///
///     attempt = OutgoingConnection(on: loop, to: address, tls: nil, deadline: .seconds(2)) { result in … }
///
/// It looks up the name off the loop, tries the addresses in the resolver's order, and shakes hands over TLS; all of it within
/// one deadline. Loop-bound; releasing or cancelling it ends the attempt without a callback.
package final class OutgoingConnection {
  /// TLS of an outgoing connection.
  package struct TLS: Sendable {
    /// Keys and trust, for the client's role.
    package var context: TLSContext
    /// The name that the server's certificate must be made out to.
    package var serverName: String
    /// Whether the name is checked; the certificate's chain always is.
    package var verifiesName: Bool

    /// Describes TLS towards `serverName`.
    package init(context: TLSContext, serverName: String, verifiesName: Bool = true) {
      self.context = context
      self.serverName = serverName
      self.verifiesName = verifiesName
    }
  }

  /// Why there is no connection.
  package struct ConnectError: Error, Sendable, CustomStringConvertible {
    /// Where it should have gone.
    package let address: RemoteAddress
    /// What came back.
    package let problem: String
    package var description: String { "cannot connect to \(address): \(problem)" }
  }

  private let loop: EventLoop
  private let address: RemoteAddress
  private let tls: TLS?
  private let deadline: Duration
  private var completion: ((Result<ByteStream, ConnectError>) -> Void)?
  private var timer: LoopTimer?
  private var candidates: [SocketAddress] = []
  private var problem = "no address"
  private var pending: (descriptor: CInt, event: OpaquePointer)?
  private var stream: ByteStream?

  /// Begins to connect; `completion` is called once, on the loop, and not before this returns.
  package init(
    on loop: EventLoop, to address: RemoteAddress, tls: TLS? = nil, deadline: Duration,
    _ completion: @escaping (Result<ByteStream, ConnectError>) -> Void
  ) {
    loop.preconditionOnLoop()
    self.loop = loop
    self.address = address
    self.tls = tls
    self.deadline = deadline
    self.completion = completion
    timer = LoopTimer(on: loop, every: deadline, repeating: false) { [unowned self] in expire() }
    let me = LoopBound(WeakAttempt(attempt: self), to: loop)
    switch address {
    case .network(let host, let port):
      HostResolver.resolve(host: host, port: port) { answer in
        loop.execute { me.withValue { $0.attempt?.resolved(answer.mapError { $0.problem(asIn: address) }) } }
      }
    case .unixSocket(let path):
      let answer = SocketAddress.unixSocket(path).map { [$0] }
      loop.execute {
        me.withValue { $0.attempt?.resolved(answer.map { .success($0) } ?? .failure(Problem("the path is too long"))) }
      }
    }
  }

  private struct WeakAttempt { weak var attempt: OutgoingConnection? }

  fileprivate struct Problem: Error, Sendable {
    let text: String
    init(_ text: String) { self.text = text }
  }

  deinit { cancel() }

  /// Ends the attempt without a callback.
  package func cancel() {
    completion = nil
    timer = nil
    dropSocket()
    stream?.close()
    stream = nil
  }

  private func finish(_ result: Result<ByteStream, ConnectError>) {
    let completion = self.completion
    self.completion = nil
    timer = nil
    dropSocket()
    if case .failure = result { stream?.close() }
    stream = nil
    completion?(result)
  }

  private func fail(_ problem: String) { finish(.failure(ConnectError(address: address, problem: problem))) }

  private func expire() {
    let stage =
      if stream != nil {
        "during the TLS handshake"
      } else if candidates.isEmpty && pending == nil { "while resolving the host name" } else { "while connecting" }
    fail("timed out after \(deadline) \(stage)")
  }

  private func dropSocket() {
    guard let pending else { return }
    self.pending = nil
    event_free(pending.event)
    Glibc.close(pending.descriptor)
  }

  private func resolved(_ answer: Result<[SocketAddress], Problem>) {
    switch answer {
    case .success(let addresses):
      candidates = addresses.reversed()
      tryNext()
    case .failure(let problem): fail(problem.text)
    }
  }

  private func tryNext() {
    while let candidate = candidates.popLast() {
      let descriptor = socket(
        candidate.family, CInt(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
      guard descriptor >= 0 else {
        problem = errnoText()
        continue
      }
      let code = candidate.withSockaddr { connect(descriptor, $0, $1) } ?? -1
      // A Unix socket whose queue is full says EAGAIN at once; a retry is the caller's business.
      guard code == 0 || errno == EINPROGRESS else {
        problem = errnoText()
        Glibc.close(descriptor)
        continue
      }
      let event = event_new(
        loop.base, descriptor, Int16(EV_WRITE),
        { _, _, context in
          guard let context else { return }
          Unmanaged<OutgoingConnection>.fromOpaque(context).takeUnretainedValue().socketIsReady()
        }, Unmanaged.passUnretained(self).toOpaque())
      guard let event else {
        Glibc.close(descriptor)
        return fail("out of memory for an event")
      }
      pending = (descriptor, event)
      event_add(event, nil)
      return
    }
    fail(problem)
  }

  private func socketIsReady() {
    guard let (descriptor, event) = pending else { return }
    var code: CInt = 0
    var length = socklen_t(MemoryLayout<CInt>.size)
    getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &length)
    guard code == 0 else {
      problem = errnoText(code)
      dropSocket()
      return tryNext()
    }
    pending = nil
    event_free(event)
    guard let stream = ByteStream(on: loop, connected: descriptor, tls: tls) else {
      return fail("out of memory for the connection")
    }
    guard tls != nil else { return finish(.success(stream)) }
    self.stream = stream
    stream.onEvent = { [unowned self, unowned stream] event in
      switch event {
      case .connected:
        stream.onEvent = { _ in }
        finish(.success(stream))
      case .closedByPeer: fail("the server closed the connection during the TLS handshake")
      case .failed(let reason): fail(reason)
      case .timedOut, .drained: break
      }
    }
  }
}

extension HostResolver.LookupError {
  fileprivate func problem(asIn address: RemoteAddress) -> OutgoingConnection.Problem {
    .init("the host name cannot be resolved: \(problem)")
  }
}
