import KedastralNet

/// One client's connection: requests in, one after another, and an answer to each.
///
/// Loop-bound, and owned by its server until it is closed.
final class HTTPConnection {
  /// Where the connection is in its life.
  private enum Phase {
    /// For a request, or the rest of one.
    case waiting
    /// A request is being answered.
    case answering(HTTPExchange)
    /// Our side is closed or will be; what the client still sends is dropped.
    case lingering(until: ContinuousClock.Instant)
    case closed
  }

  private unowned let server: HTTPServer
  private let stream: ByteStream
  private let settings: HTTPServerSettings
  private var phase = Phase.waiting
  /// When the request that is arriving began; nil between requests.
  private var requestBeganAt: ContinuousClock.Instant?
  private var lastUseAt: ContinuousClock.Instant
  /// Whether TLS is still being agreed on.
  private var isHandshaking: Bool
  private var outputStall: (count: Int, since: ContinuousClock.Instant)?
  /// Whether the loop that reads requests runs, further down the stack.
  private var isReading = false

  init(on server: HTTPServer, _ settings: HTTPServerSettings, stream: ByteStream) {
    self.server = server
    self.settings = settings
    self.stream = stream
    isHandshaking = settings.tls != nil
    lastUseAt = .now
    // The first request has its time from now, the TLS handshake included.
    requestBeganAt = lastUseAt
    stream.onInput = { [unowned self] in receive() }
    stream.onEvent = { [unowned self] event in handle(event) }
  }

  // MARK: Input

  private func handle(_ event: ByteStream.Event) {
    switch event {
    case .drained:
      if case .lingering = phase { stream.endOutput() } else { readRequests() }
    case .failed(let problem):
      if isHandshaking { refuseHandshake(problem) } else { close() }
    case .closedByPeer, .timedOut: close()
    case .connected: isHandshaking = false
    }
  }

  private func receive() {
    switch phase {
    case .waiting: readRequests()
    case .answering(let exchange) where !exchange.isStreaming:
      // What comes behind a request waits, within the limit of a request.
      stream.withInput { bytes in
        if bytes.count > settings.limits.headerBytes { stream.setReading(false) }
        return 0
      }
    case .answering, .lingering: stream.withInput { $0.count }
    case .closed: break
    }
  }

  private func readRequests() {
    guard !isReading else { return }
    isReading = true
    defer { isReading = false }
    while case .waiting = phase, stream.pendingOutput <= Self.maximumBacklogBytes {
      var finding = HTTPRequestHead.Finding.incomplete
      stream.withInput { bytes in
        if requestBeganAt == nil, !bytes.isEmpty { requestBeganAt = .now }
        finding = HTTPRequestHead.find(in: bytes, limit: settings.limits.headerBytes)
        if case .complete(let head, let length) = finding, let limit = server.bodyLimit(of: head.request) {
          finding = head.withBody(in: bytes, headLength: length, limit: limit)
        }
        if case .complete(_, let length) = finding { return length }
        return 0
      }
      switch finding {
      case .incomplete: return stream.setReading(true)
      case .complete(let head, _):
        requestBeganAt = nil
        let exchange = HTTPExchange(head, on: self)
        phase = .answering(exchange)
        server.answer(exchange)
      case .refused(let status, let problem):
        server.refused(status == 431 ? .headerSize : .malformed, problem)
        server.count(status, path: "other")
        write(HTTPResponse.failure(status, problem).encoded(isLast: true))
        linger()
      }
    }
  }

  /// Output that a client may leave unread before its next request is looked at.
  private static let maximumBacklogBytes = 256 << 10

  // MARK: Output, for exchanges

  /// Whether the client has shown a good certificate.
  var hasCertificate: Bool { stream.hasPeerCertificate }

  /// How many bytes wait to leave the process.
  var pendingOutput: Int { stream.pendingOutput }

  func write(_ bytes: [UInt8]) {
    // The pointer is used during the call alone.
    bytes.withUnsafeBytes { stream.write($0) }
  }

  /// An exchange's answer is complete.
  func finished(_ exchange: HTTPExchange) {
    guard case .answering = phase else { return }
    lastUseAt = .now
    guard exchange.isPersistent, !exchange.isStreaming, !server.isClosing else { return linger() }
    phase = .waiting
    readRequests()
  }

  /// Whether the server's end can come now: nothing is being answered.
  func endWhenIdle() {
    switch phase {
    case .answering(let exchange): if exchange.isStreaming { exchange.endStream() }
    case .waiting: linger()
    case .lingering, .closed: break
    }
  }

  // MARK: Life

  /// Closes our side, so that the client gets all that was sent, and waits a moment for the client to do the same.
  private func linger() {
    phase = .lingering(until: .now + .seconds(1))
    if stream.pendingOutput == 0 { stream.endOutput() }
    stream.setReading(true)
  }

  /// Leaves the client time to read why its TLS handshake failed.
  private func refuseHandshake(_ problem: String) {
    server.refused(.tlsHandshake, problem)
    phase = .lingering(until: .now + .seconds(1))
    stream.endFailedHandshake()
  }

  /// Ends the connection at once.
  func close() {
    let exchange: HTTPExchange? = if case .answering(let exchange) = phase { exchange } else { nil }
    if case .closed = phase { return }
    phase = .closed
    stream.close()
    exchange?.connectionClosed()
    server.removed(self)
  }

  /// Looks after deadlines; called about twice a second.
  func sweep(at now: ContinuousClock.Instant) {
    if isOutputStalled(at: now) { return cut(.slowReader, "the client did not read the output in time") }
    switch phase {
    case .waiting:
      if let began = requestBeganAt {
        if began + settings.limits.requestTimeout <= now { cut(.requestTimeout, "a request did not arrive in time") }
      } else if stream.pendingOutput == 0, lastUseAt + settings.limits.idleTimeout <= now {
        linger()
      }
    case .lingering(let end):
      if end <= now, stream.pendingOutput == 0 || outputStall == nil { close() }
    case .answering, .closed: break
    }
  }

  private func isOutputStalled(at now: ContinuousClock.Instant) -> Bool {
    let count = stream.pendingOutput
    guard count > 0 else {
      outputStall = nil
      return false
    }
    if let stall = outputStall, stall.count <= count { return stall.since + settings.limits.writeTimeout <= now }
    outputStall = (count, now)
    return false
  }

  /// Ends the connection of a client that is over a limit.
  func cut(_ reason: HTTPServer.Refusal, _ text: String) {
    server.refused(reason, text)
    close()
  }
}
