import KedastralNet

/// One client's connection: moves bytes between the socket and the session, and calls to their methods.
final class GRPCConnection: HTTP2SessionDelegate {
  /// Where the connection is in its life.
  private enum Phase: Equatable {
    /// Nothing but the beginning of the preface has arrived.
    case fresh
    /// The preface is right; the client's settings are to come.
    case greeting
    case open
    /// The client was told to begin no more calls.
    case announced(at: ContinuousClock.Instant)
    /// New calls are refused; open ones may end until then.
    case draining(until: ContinuousClock.Instant)
    /// Our side is closed; what the client still sends is dropped.
    case lingering(until: ContinuousClock.Instant)
    case closed
  }

  private unowned let server: GRPCServer
  private let stream: ByteStream
  /// Made when the preface has arrived.
  private var session: HTTP2Session?
  private var phase = Phase.fresh
  private let openedAt = ContinuousClock.now
  private let maximumAge: Duration
  private var lastInputAt: ContinuousClock.Instant
  private var lastCallAt: ContinuousClock.Instant
  /// When the silent peer was asked whether it lives.
  private var probedAt: ContinuousClock.Instant?
  private var drainGrace = Duration.zero
  private var outputStall: (count: Int, since: ContinuousClock.Instant)?
  private var bufferedBytes = 0
  private var idleFrames: TokenBucket
  /// Whether a flush follows anyway.
  private var isReceiving = false

  init(on server: GRPCServer, stream: ByteStream) {
    self.server = server
    self.stream = stream
    let limits = server.limits
    maximumAge = limits.connectionAge * Double.random(in: 0.9...1.1)
    lastInputAt = openedAt
    lastCallAt = openedAt
    idleFrames = TokenBucket(burst: limits.idleFrameBurst, perSecond: limits.idleFramesPerSecond, at: openedAt)
    stream.onInput = { [unowned self] in receive() }
    stream.onEvent = { [unowned self] event in handle(event) }
  }

  // MARK: Bytes

  private func handle(_ event: ByteStream.Event) {
    switch event {
    case .drained:
      if case .lingering = phase { stream.endOutput() } else { flush() }
    case .closedByPeer, .timedOut, .failed: close()
    case .connected: break
    }
  }

  private func receive() {
    lastInputAt = .now
    probedAt = nil
    isReceiving = true
    var isFine = true
    // The bytes stay in the closure; the session copies what it keeps.
    stream.withInput { bytes in
      if phase == .fresh {
        switch ClientPreface.check(bytes.bytes) {
        case .incomplete: return 0
        case .right:
          phase = .greeting
          session = HTTP2Session(limits: server.limits, delegate: self)
        case .wrong(let answer):
          refuse(with: answer)
          return bytes.count
        }
      }
      if case .lingering = phase { return bytes.count }
      isFine = session?.receive(bytes) ?? false
      return bytes.count
    }
    isReceiving = false
    if !isFine {
      server.refused(.protocolError, session?.complaint ?? "no memory for a session")
      return close()
    }
    flush()
  }

  /// Sends what the session has to say, as far as the peer reads it.
  func flush() {
    guard phase != .closed, phase != .fresh, let session else { return }
    while stream.pendingOutput < server.limits.pendingOutputBytes {
      let count = server.collect(from: session, into: stream)
      if count == 0 { break }
    }
    let isChoked = stream.pendingOutput >= server.limits.pendingOutputBytes
    stream.setReading(!isChoked)
    if session.isOver, stream.pendingOutput == 0 { linger() }
  }

  /// Answers somebody who does not speak HTTP/2.
  private func refuse(with answer: String) {
    server.refused(.notHTTP2, "the client does not speak HTTP/2")
    var answer = answer
    answer.withUTF8 { stream.write(UnsafeRawBufferPointer($0)) }
    linger()
  }

  /// Closes our side, so that the peer gets all that was sent, and waits a moment for the peer to do the same.
  private func linger() {
    if case .lingering = phase { return }
    guard phase != .closed else { return }
    phase = .lingering(until: .now + .seconds(1))
    if stream.pendingOutput == 0 { stream.endOutput() }
    stream.setReading(true)
  }

  /// Ends the connection at once.
  func close() {
    guard phase != .closed else { return }
    phase = .closed
    stream.close()
    for call in (session?.calls ?? [:]).values { closed(call) }
    server.removed(self)
  }

  // MARK: Requests

  func makeCall(id: Int32) -> GRPCCall {
    lastCallAt = lastInputAt
    let deframer = MessageDeframer(maximumLength: server.limits.messageBytes, buffer: server.takeBuffer())
    let call = GRPCCall(id: id, on: self, at: lastInputAt, deframer: deframer)
    var storage = server.takeBuffer()
    call.exchangeOutputStorage(&storage)
    return call
  }

  func received(header name: RawSpan, _ value: RawSpan, of call: GRPCCall) {
    switch name.byteCount {
    case 5 where name.isEqual(to: ":path"):
      call.head.entry = server.registry.find(value)
      if call.head.entry == nil { call.head.path = String(value.text.prefix(200)) }
    case 7 where name.isEqual(to: ":method"):
      call.head.isPost = value.isEqual(to: "POST")
    case 12 where name.isEqual(to: "content-type"):
      call.head.isGRPC = RequestHeaders.isGRPC(contentType: value)
    case 12 where name.isEqual(to: "grpc-timeout"):
      call.head.timeout = GRPCTimeout.parse(value)
      if call.head.timeout == nil { call.head.malformedTimeout = value.text }
    case 13 where name.isEqual(to: "grpc-encoding"):
      call.head.encoding = RequestHeaders.encoding(value)
    default: break
    }
  }

  func receivedAllHeaders(of call: GRPCCall) {
    if call.headerBytes > server.limits.headerBytes {
      server.refused(.headerSize, "headers of \(call.headerBytes) bytes")
      refuse(call, httpStatus: 431, "the headers are over the limit of \(server.limits.headerBytes) bytes\n")
    } else if !call.head.isPost {
      refuse(call, httpStatus: 405, "this is a gRPC server; it takes POST\n")
    } else if !call.head.isGRPC {
      refuse(call, httpStatus: 415, "this is a gRPC server; send content-type: application/grpc\n")
    } else if let text = call.head.malformedTimeout {
      fail(
        call,
        GRPCStatus(
          .invalidArgument, "grpc-timeout '\(text)' is no timeout; write up to 8 digits and one of H M S m u n"))
    } else if call.head.entry == nil {
      fail(call, GRPCStatus(.unimplemented, "unknown method \(call.head.path ?? "")"))
    }
  }

  func received(data: RawSpan, of call: GRPCCall) {
    guard call.ending == .none, let entry = call.head.entry else { return }
    do throws(GRPCStatus) {
      let before = call.deframer.pendingCount
      try call.deframer.append(data)
      if case .bidirectional(let handler) = entry.handler {
        while let message = try call.deframer.next() { try hand(message, of: call, to: handler) }
      }
      bufferedBytes += call.deframer.pendingCount - before
      if bufferedBytes > server.limits.bufferedBytesPerConnection {
        server.refused(.bufferedBytes, "\(bufferedBytes) bytes of unfinished requests")
        throw GRPCStatus(.resourceExhausted, "the connection's unfinished requests are over the limit")
      }
    } catch {
      if error.code == .resourceExhausted { server.refused(.messageSize, error.message) }
      fail(call, error)
    }
  }

  func receivedEnd(of call: GRPCCall) {
    call.hasWholeRequest = true
    guard call.ending == .none, let entry = call.head.entry else { return }
    do throws(GRPCStatus) {
      if let deadline = call.deadline, deadline <= .now {
        throw GRPCStatus(.deadlineExceeded, "the request arrived after its deadline")
      }
      switch entry.handler {
      case .unary(let handler):
        let message = try onlyMessage(of: call)
        try answer(call, message, handler)
        entry.metrics.observe(call.startedAt.duration(to: .now))
      case .serverStreaming(let handler):
        try hand(onlyMessage(of: call), of: call, to: handler)
      case .bidirectional:
        guard call.deframer.pendingCount == 0 else { throw Self.truncated }
        call.finish(.ok)
      }
    } catch {
      fail(call, error)
    }
  }

  private static let truncated = GRPCStatus(.invalidArgument, "the request ends inside a message")

  private func onlyMessage(of call: GRPCCall) throws(GRPCStatus) -> MessageDeframer.Message {
    guard let message = try call.deframer.next() else {
      throw call.deframer.pendingCount == 0
        ? GRPCStatus(.invalidArgument, "the request holds no message; this method takes one") : Self.truncated
    }
    guard call.deframer.pendingCount == 0 else {
      throw GRPCStatus(.invalidArgument, "the request holds more than one message; this method takes one")
    }
    return message
  }

  private func answer(
    _ call: GRPCCall, _ message: MessageDeframer.Message,
    _ handler: (RawSpan, inout [UInt8]) throws(GRPCStatus) -> Void
  ) throws(GRPCStatus) {
    let (bytes, range) = try content(of: message, of: call)
    try call.append { output throws(GRPCStatus) in try handler(bytes.span.bytes.extracting(range), &output) }
    guard call.pendingOutput - MessageDeframer.prefixLength <= server.limits.messageBytes else {
      throw MessageDeframer.tooLong(call.pendingOutput, maximum: server.limits.messageBytes)
    }
    call.end(.status(.ok))
    call.hasBegunAnswer = true
    session?.beginAnswer(to: call)
  }

  private func hand(
    _ message: MessageDeframer.Message, of call: GRPCCall,
    to handler: (RawSpan, GRPCCall) throws(GRPCStatus) -> Void
  ) throws(GRPCStatus) {
    let (bytes, range) = try content(of: message, of: call)
    try handler(bytes.span.bytes.extracting(range), call)
  }

  /// A message's bytes, unpacked where it was compressed.
  private func content(
    of message: MessageDeframer.Message, of call: GRPCCall
  ) throws(GRPCStatus) -> ([UInt8], Range<Int>) {
    guard message.isCompressed else { return (call.deframer.bytes, message.range) }
    switch call.head.encoding {
    case .gzip:
      let packed = call.deframer.bytes
      let plain = try Gzip.decompress(
        packed.span.bytes.extracting(message.range), maximumLength: server.limits.messageBytes)
      return (plain, plain.indices)
    case .identity:
      throw GRPCStatus(.internal, "a message is compressed, but the call has no grpc-encoding")
    case .unknown(let name):
      throw GRPCStatus(.unimplemented, "grpc-encoding '\(name)' is not supported; use gzip or identity")
    }
  }

  // MARK: Answers

  /// Ends a call with an error, and drops messages that have not left.
  private func fail(_ call: GRPCCall, _ status: GRPCStatus) {
    guard call.ending == .none, !call.isClosed else { return }
    call.dropOutput()
    call.finish(status)
  }

  private func refuse(_ call: GRPCCall, httpStatus: Int, _ text: String) {
    call.append(text: text)
    call.end(.http)
    call.hasBegunAnswer = true
    session?.answer(call, httpStatus: httpStatus)
  }

  /// A call has more to send, or has ended.
  func hasNews(_ call: GRPCCall) {
    guard phase != .closed, let session else { return }
    if call.hasBegunAnswer {
      session.resumeAnswer(to: call)
    } else {
      call.hasBegunAnswer = true
      if call.pendingOutput == 0, case .status(let status) = call.ending {
        session.answer(call, status: status)
      } else {
        session.beginAnswer(to: call)
      }
    }
    if !isReceiving { server.scheduleFlush(of: self) }
  }

  func closed(_ call: GRPCCall) {
    guard !call.isClosed else { return }
    bufferedBytes -= call.deframer.pendingCount
    idleFrames.give(2)
    switch call.ending {
    case .status(let status): (call.head.entry?.metrics ?? server.metrics.unknownMethod).count(status.code)
    case .none: (call.head.entry?.metrics ?? server.metrics.unknownMethod).count(.cancelled)
    case .http: server.metrics.unknownMethod.count(.unknown)
    }
    call.close()
    call.dropOutput()
    var storage: [UInt8] = []
    call.exchangeOutputStorage(&storage)
    server.giveBack(storage)
    server.giveBack(call.deframer.takeBuffer())
  }

  // MARK: The connection's life

  func receivedSettings() { if phase == .greeting { phase = .open } }

  func receivedPingAnswer() { if case .announced = phase { refuseNewCalls() } }

  func receivedIdleFrame() {
    guard !idleFrames.take(at: lastInputAt) else { return }
    server.refused(.idleFrames, "too many frames without use")
    session?.terminate()
  }

  /// Asks the client to go: no new calls, and open streams are ended after `grace`.
  func drain(grace: Duration) {
    switch phase {
    case .open:
      phase = .announced(at: .now)
      drainGrace = grace
      session?.announceShutdown()
      // Calls that the client began before it read the notice arrive before the answer to this ping.
      session?.ping()
      flush()
    case .announced, .draining: drainGrace = min(drainGrace, grace)
    case .fresh, .greeting: close()
    case .lingering, .closed: break
    }
  }

  private func refuseNewCalls() {
    phase = .draining(until: .now + drainGrace)
    session?.refuseNewCalls()
    if drainGrace == .zero { finishStreams() }
    if !isReceiving { server.scheduleFlush(of: self) }
  }

  private func finishStreams() {
    for call in (session?.calls ?? [:]).values where call.hasWholeRequest || call.hasBegunAnswer {
      call.finish(GRPCStatus(.unavailable, "the server is asking its clients to connect anew"))
    }
  }

  /// Looks after deadlines; called about once a second.
  func sweep(at now: ContinuousClock.Instant) {
    let limits = server.limits
    switch phase {
    case .fresh, .greeting:
      if openedAt + limits.handshakeTimeout <= now { return cut(.handshakeTimeout, "no HTTP/2 preface in time") }
    case .open:
      if openedAt + maximumAge <= now {
        drain(grace: limits.connectionAgeGrace)
      } else if session?.calls.isEmpty ?? true, lastCallAt + limits.idleTimeout <= now {
        drain(grace: .zero)
      }
    case .announced(let instant):
      if instant + .seconds(1) <= now { refuseNewCalls() }
    case .draining(let end):
      if end <= now { finishStreams() }
    case .lingering(let end):
      if end <= now { return close() }
    case .closed: return
    }
    if let probedAt {
      if probedAt + limits.keepAliveTimeout <= now { return cut(.keepAlive, "a ping was not answered in time") }
    } else if lastInputAt + limits.keepAliveInterval <= now {
      probedAt = now
      session?.ping()
    }
    if isOutputStalled(at: now) { return cut(.slowReader, "output did not move in time") }
    sweepCalls(at: now)
    flush()
  }

  private func sweepCalls(at now: ContinuousClock.Instant) {
    let limits = server.limits
    for call in (session?.calls ?? [:]).values {
      if let endedAt = call.endedAt {
        // The client keeps its window shut.
        if endedAt + limits.writeTimeout <= now {
          server.refused(.slowReader, "an answer was not read in time")
          session?.cancel(call)
        }
      } else if let deadline = call.deadline, deadline <= now {
        fail(call, GRPCStatus(.deadlineExceeded, "the call's deadline has passed"))
      } else if !call.hasWholeRequest, !call.hasBegunAnswer, call.startedAt + limits.requestTimeout <= now {
        server.refused(.requestTimeout, "a request did not arrive in time")
        fail(call, GRPCStatus(.deadlineExceeded, "the request did not arrive within \(limits.requestTimeout)"))
      }
    }
  }

  private func isOutputStalled(at now: ContinuousClock.Instant) -> Bool {
    let count = stream.pendingOutput
    guard count > 0 else {
      outputStall = nil
      return false
    }
    if let stall = outputStall, stall.count <= count { return stall.since + server.limits.writeTimeout <= now }
    outputStall = (count, now)
    return false
  }

  private func cut(_ reason: GRPCMetrics.Refusal, _ text: String) {
    server.refused(reason, text)
    close()
  }
}
