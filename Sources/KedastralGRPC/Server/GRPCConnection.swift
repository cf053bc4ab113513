import CNghttp2
import KedastralNet

/// One client's connection: moves bytes between the socket and the session, and calls to their methods.
final class GRPCConnection {
  /// Where the connection is in its life.
  private enum Phase: Equatable {
    /// Nothing but the beginning of the preface has arrived.
    case fresh
    /// The preface is valid; the client's settings have not arrived yet.
    case greeting
    case open
    /// The client was asked to start no more calls.
    case announced(at: ContinuousClock.Instant)
    /// New calls are refused; open ones may end until then.
    case draining(until: ContinuousClock.Instant)
  }

  unowned let server: GRPCServer
  let metrics: GRPCMetrics
  let limits: GRPCLimits
  let buffers: BufferPool
  private var life: AcceptedConnection
  private let stream: ByteStream
  /// Made when the preface has arrived.
  var session: HTTP2ServerSession?
  private var phase = Phase.fresh
  private let openedAt = ContinuousClock.now
  private let maximumAge: Duration
  var lastInputAt: ContinuousClock.Instant
  var lastCallAt: ContinuousClock.Instant
  /// Whether the session has given memory back since something last arrived.
  private var isResting = false
  /// When the silent peer was probed.
  private var probedAt: ContinuousClock.Instant?
  private var drainGrace = Duration.zero
  var bufferedBytes = 0
  var idleFrames: TokenBucket
  /// Whether the session is ended because of idle frames.
  private var isTerminated = false
  /// Whether a flush follows anyway.
  var isReceiving = false

  init(on server: GRPCServer, stream: ByteStream) {
    self.server = server
    metrics = server.metrics
    limits = server.limits
    buffers = server.buffers
    self.stream = stream
    life = AcceptedConnection(stream, isSecure: server.isSecure, writeTimeout: limits.writeTimeout)
    maximumAge = limits.connectionAge * Double.random(in: 0.9...1.1)
    lastInputAt = openedAt
    lastCallAt = openedAt
    idleFrames = TokenBucket(burst: limits.idleFrameBurst, perSecond: limits.idleFramesPerSecond, at: openedAt)
    stream.onInput = { [unowned self] in receive() }
    stream.onEvent = { [unowned self] event in handle(event) }
  }

  // MARK: Bytes

  private func handle(_ event: ByteStream.Event) {
    switch life.take(event) {
    case .nothing: break
    case .drained: flush()
    case .handshakeFailed(let problem): server.refused(.tlsHandshake, problem)
    case .ended: close()
    }
  }

  private func receive() {
    lastInputAt = .now
    isResting = false
    probedAt = nil
    isReceiving = true
    var isFine = true
    // The bytes stay in the closure; calls copy what they keep.
    stream.withInput { bytes in
      guard life.isOpen else { return bytes.count }
      if phase == .fresh {
        switch ClientPreface.check(bytes.bytes) {
        case .incomplete: return 0
        case .right:
          phase = .greeting
          session = HTTP2ServerSession(limits: limits, registry: server.registry, buffers: buffers)
        case .wrong(let answer):
          refuse(with: answer)
          return bytes.count
        }
      }
      var events = server.lendEvents()
      isFine = session?.receive(bytes, at: lastInputAt, into: &events) ?? false
      handle(&events, bytes)
      return bytes.count
    }
    isReceiving = false
    if !isFine {
      server.refused(.protocolError, session?.complaint ?? "out of memory for an HTTP/2 session")
      return close()
    }
    flush()
  }

  /// Sends the session's output, as far as the peer reads it.
  func flush() {
    guard life.isOpen, let session else { return }
    while stream.pendingOutput < limits.pendingOutputBytes {
      var events = server.lendEvents()
      let count = server.collect(from: session, into: stream, &events)
      handle(&events)
      if count == 0 { break }
    }
    let isChoked = stream.pendingOutput >= limits.pendingOutputBytes
    stream.setReading(!isChoked)
    if session.isOver, stream.pendingOutput == 0 { life.linger() }
  }

  /// Responds to a client that does not use HTTP/2.
  private func refuse(with answer: String) {
    server.refused(.notHTTP2, "the client does not use HTTP/2")
    var answer = answer
    answer.withUTF8 { stream.write(UnsafeRawBufferPointer($0)) }
    life.linger()
  }

  /// Ends the connection at once.
  func close() {
    guard life.close() else { return }
    for call in (session?.calls ?? [:]).values { closed(call) }
    session = nil
    server.removed(self)
  }

  // MARK: The connection's life

  /// Does what the session's events ask for, and gives their storage back.
  ///
  /// - Parameter bytes: what was received, for the data in `events`.
  private func handle(
    _ events: inout [HTTP2ServerSession.Event],
    _ bytes: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0)
  ) {
    for event in events {
      switch event {
      case .request(let call): received(call)
      case .data(let call, let range):
        // A call may have had the connection closed, and its input with it.
        if !stream.isClosed { received(data: UnsafeRawBufferPointer(rebasing: bytes[range]).bytes, of: call) }
      case .end(let call): receivedEnd(of: call)
      case .closed(let call): closed(call)
      case .settings: if phase == .greeting { phase = .open }
      case .pingAnswer: if case .announced = phase { refuseNewCalls() }
      case .idleFrame: countIdleFrame()
      }
    }
    server.takeBack(&events)
  }

  private func countIdleFrame() {
    guard !isTerminated, !idleFrames.take(at: lastInputAt) else { return }
    isTerminated = true
    server.refused(.idleFrames, "too many frames without content")
    session?.terminate(NGHTTP2_ENHANCE_YOUR_CALM)
  }

  /// Asks the client to go: no new calls, and open streams are ended after `grace`.
  func drain(grace: Duration) {
    guard life.isOpen else { return }
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
    }
  }

  private func refuseNewCalls() {
    phase = .draining(until: .now + drainGrace)
    session?.refuseNewCalls()
    if drainGrace == .zero { finishStreams() }
    if !isReceiving { server.scheduleFlush(of: self) }
  }

  /// Ends streams with success, so that their clients reconnect at once; after an error they would back off.
  private func finishStreams() {
    for call in (session?.calls ?? [:]).values where call.hasWholeRequest || call.hasBegunAnswer {
      call.finish(.ok)
    }
  }

  /// Looks after deadlines; called about once a second.
  func sweep(at now: ContinuousClock.Instant) {
    switch life.sweep(at: now) {
    case .fine: break
    case .stalled: return cut(.slowReader, "the client did not read the output in time")
    case .over: return close()
    }
    guard life.isOpen else { return }
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
    }
    if let probedAt {
      if probedAt + limits.keepAliveTimeout <= now { return cut(.keepAlive, "no response to a ping in time") }
    } else if lastInputAt + limits.keepAliveInterval <= now {
      probedAt = now
      session?.ping()
    }
    sweepCalls(at: now)
    flush()
    if !isResting, lastInputAt + .seconds(1) <= now, session?.calls.isEmpty ?? false {
      isResting = true
      session?.rest()
    }
  }

  private func sweepCalls(at now: ContinuousClock.Instant) {
    for call in (session?.calls ?? [:]).values {
      if call.isAnsweredEarly {
        // Some clients take a reset for a failure as long as they send; the end of a small request comes by itself.
        if let endedAt = call.endedAt, endedAt + .seconds(1) <= now { session?.declineRequest(of: call) }
      } else if let endedAt = call.endedAt {
        // The client keeps its window shut.
        if endedAt + limits.writeTimeout <= now {
          server.refused(.slowReader, "a response was not read in time")
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

  private func cut(_ reason: GRPCMetrics.Refusal, _ text: String) {
    server.refused(reason, text)
    close()
  }
}
