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
  }

  private unowned let server: HTTPServer
  private let stream: ByteStream
  private let settings: HTTPServerSettings
  private var life: AcceptedConnection
  private var phase = Phase.waiting
  /// When the request that is arriving began; nil between requests.
  private var requestBeganAt: ContinuousClock.Instant?
  private var lastUseAt: ContinuousClock.Instant
  /// Memory that is set aside for the body of the current request.
  private var reservedBytes = 0
  /// How many bytes of input there are before it is worth looking at it again.
  private var awaitedBytes = 0
  /// Whether the loop that reads requests runs, further down the stack.
  private var isReading = false

  init(on server: HTTPServer, _ settings: HTTPServerSettings, stream: ByteStream) {
    self.server = server
    self.settings = settings
    self.stream = stream
    life = AcceptedConnection(stream, isSecure: settings.tls != nil, writeTimeout: settings.limits.writeTimeout)
    lastUseAt = .now
    // The first request has its time from now, the TLS handshake included.
    requestBeganAt = lastUseAt
    stream.onInput = { [unowned self] in receive() }
    stream.onEvent = { [unowned self] event in handle(event) }
  }

  // MARK: Input

  private func handle(_ event: ByteStream.Event) {
    switch life.take(event) {
    case .nothing: break
    case .drained: readRequests()
    case .handshakeFailed(let problem): server.refused(.tlsHandshake, problem)
    case .ended: close()
    }
  }

  private func receive() {
    guard life.isOpen else { return stream.withInput { $0.count } }
    switch phase {
    case .waiting where stream.pendingInput < awaitedBytes: break
    case .waiting: readRequests()
    case .answering(let exchange) where !exchange.isStreaming:
      // What comes behind a request waits, within the limit of a request.
      stream.withInput { bytes in
        if bytes.count > settings.limits.headerBytes { stream.setReading(false) }
        return 0
      }
    case .answering: stream.withInput { $0.count }
    }
  }

  private func readRequests() {
    guard !isReading else { return }
    isReading = true
    defer { isReading = false }
    while case .waiting = phase, life.isOpen, stream.pendingOutput <= Self.maximumBacklogBytes {
      var finding = HTTPRequestHead.Finding.incomplete
      stream.withInput { bytes in
        if requestBeganAt == nil, !bytes.isEmpty { requestBeganAt = .now }
        finding = HTTPRequestHead.find(in: bytes, limit: settings.limits.headerBytes)
        if case .complete(let head, let length) = finding,
          let limit = server.bodyLimit(of: head.request, hasCertificate: hasCertificate)
        {
          finding = head.withBody(in: bytes, headLength: length, limit: limit)
          if !isRefused(finding), !reserve(head.isChunked ? limit : head.bodyLength ?? 0) {
            finding = .refused(status: 503, problem: "too many requests with bodies at once; try again later")
          }
          awaitedBytes = length + (head.bodyLength ?? 0)
        }
        if case .complete(_, let length) = finding { return length }
        return 0
      }
      switch finding {
      case .incomplete: return stream.setReading(true)
      case .complete(let head, _):
        (requestBeganAt, awaitedBytes) = (nil, 0)
        let exchange = HTTPExchange(head, on: self)
        phase = .answering(exchange)
        server.answer(exchange)
      case .refused(let status, let problem):
        server.refused(status == 431 ? .headerSize : status == 503 ? .bodyMemory : .malformed, problem)
        server.count(status, path: "other")
        write(HTTPResponse.failure(status, problem).encoded(isLast: true))
        linger()
      }
    }
  }

  private func isRefused(_ finding: HTTPRequestHead.Finding) -> Bool {
    if case .refused = finding { true } else { false }
  }

  /// Sets memory aside for the body of the current request, once.
  private func reserve(_ bytes: Int) -> Bool {
    guard reservedBytes == 0, bytes > 0 else { return true }
    guard server.reserve(bytes) else { return false }
    reservedBytes = bytes
    return true
  }

  private func release() {
    server.release(reservedBytes)
    (reservedBytes, awaitedBytes) = (0, 0)
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
    release()
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
    }
  }

  // MARK: Life

  /// Closes our side, so that the client gets all that was sent, and waits a moment for the client to do the same.
  private func linger() {
    release()
    phase = .waiting
    life.linger()
  }

  /// Ends the connection at once.
  func close() {
    let exchange: HTTPExchange? = if case .answering(let exchange) = phase { exchange } else { nil }
    guard life.close() else { return }
    release()
    phase = .waiting
    exchange?.connectionClosed()
    server.removed(self)
  }

  /// Looks after deadlines; called about twice a second.
  func sweep(at now: ContinuousClock.Instant) {
    switch life.sweep(at: now) {
    case .fine: break
    case .stalled: return cut(.slowReader, "the client did not read the output in time")
    case .over: return close()
    }
    guard life.isOpen else { return }
    switch phase {
    case .waiting:
      if let began = requestBeganAt {
        if began + settings.limits.requestTimeout <= now { cut(.requestTimeout, "a request did not arrive in time") }
      } else if stream.pendingOutput == 0, lastUseAt + settings.limits.idleTimeout <= now {
        linger()
      }
    case .answering: break
    }
  }

  /// Ends the connection of a client that is over a limit.
  func cut(_ reason: HTTPServer.Refusal, _ text: String) {
    server.refused(reason, text)
    close()
  }
}
