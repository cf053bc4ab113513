import KedastralNet

/// One connection to one server, from the first attempt to its end: pipelined commands out, replies in, in the same order.
///
/// Loop-bound. It calls back once with ``onReady`` at most and once with ``onClosed`` for good, unless it is closed by its owner.
final class RedisConnection {
  private enum Expected {
    /// A reply of the handshake.
    case handshake
    /// The answer to a call.
    case call(RedisCall)
    /// The answer to a command of the connection's owner.
    case own((RESPValue) -> Void)
  }

  /// The server.
  let address: RemoteAddress
  /// Commands may be sent.
  var onReady: () -> Void = {}
  /// The connection is over, and why.
  var onClosed: (String) -> Void = { _ in }
  /// An answer to a call has come.
  var onReply: (RedisCall, RESPValue) -> Void = { _, _ in }
  /// A message of a subscribed channel has come.
  var onMessage: ([UInt8]) -> Void = { _ in }

  private let plan: ConnectionPlan
  private var attempt: OutgoingConnection?
  private var welcomeTimer: LoopTimer?
  private var stream: ByteStream?
  private let reader: RESPReader?
  private var handshake: Handshake?
  private var expected = Fifo<Expected>()
  private var isOver = false
  private var lastReply = ContinuousClock.now

  init(to address: RemoteAddress, plan: ConnectionPlan) {
    self.address = address
    self.plan = plan
    reader = RESPReader(maximumBytes: plan.maximumReplyBytes)
  }

  /// Connects and shakes hands; set the callbacks before.
  func open() {
    do {
      handshake = try plan.handshake()
      let tls = try plan.outgoingTLS(to: address)
      attempt = OutgoingConnection(on: plan.loop, to: address, tls: tls, deadline: plan.deadline) {
        [unowned self] result in
        attempt = nil
        switch result {
        case .success(let stream): connected(stream)
        case .failure(let error): fail(error.problem)
        }
      }
    } catch {
      let problem = "\(error)"
      attempt = nil
      // Not before the owner has this connection in its hands.
      welcomeTimer = LoopTimer(on: plan.loop, every: .zero, repeating: false) { [unowned self] in fail(problem) }
    }
  }

  /// Sends calls whose answers will come by ``onReply``.
  func send(_ calls: [RedisCall]) {
    var output: [UInt8] = []
    for call in calls where !call.isOver {
      if call.isAsking {
        call.isAsking = false
        output += RedisCommand("ASKING").encoded
        expected.append(.own { _ in })
      }
      output += call.bytes
      call.connection = self
      expected.append(.call(call))
    }
    write(output)
  }

  /// Sends a command of the owner's.
  func send(_ command: RedisCommand, _ completion: @escaping (RESPValue) -> Void) {
    expected.append(.own(completion))
    write(command.encoded)
  }

  /// Whether the server has not answered anything for `time`.
  func isSilent(for time: Duration) -> Bool { ContinuousClock.now - lastReply >= time }

  /// Ends the connection as broken.
  func fail(_ problem: String) {
    guard !isOver else { return }
    close()
    onClosed(problem)
  }

  /// Ends the connection without a callback.
  func close() {
    isOver = true
    attempt?.cancel()
    attempt = nil
    welcomeTimer = nil
    stream?.close()
    stream = nil
  }

  /// Takes the calls that have no answer, in the order in which they were sent.
  func takeUnansweredCalls() -> [RedisCall] {
    expected.removeAll().compactMap { expected in
      guard case .call(let call) = expected, !call.isOver else { return nil }
      return call
    }
  }

  private func connected(_ stream: ByteStream) {
    self.stream = stream
    stream.onInput = { [unowned self] in receive() }
    stream.onEvent = { [unowned self] event in
      switch event {
      case .connected, .drained, .timedOut: break
      case .closedByPeer: lost("the server closed the connection")
      case .failed(let problem): lost(problem)
      }
    }
    welcomeTimer = LoopTimer(on: plan.loop, every: plan.deadline, repeating: false) { [unowned self] in
      fail("the server accepted the connection and then said nothing (\(plan.deadline))")
    }
    for command in handshake?.commands ?? [] {
      expected.append(.handshake)
      write(command.encoded)
    }
  }

  /// A server that wants TLS, or another certificate than ours, often just hangs up.
  private func lost(_ problem: String) {
    guard welcomeTimer != nil else { return fail(problem) }
    let guess =
      plan.tls == nil ? "perhaps it wants TLS" : "perhaps it wants a client certificate, or does not trust ours"
    fail("\(problem) before its welcome; \(guess)")
  }

  private func write(_ bytes: [UInt8]) { bytes.withUnsafeBytes { stream?.write($0) } }

  private func receive() {
    guard let reader else { return fail("no memory") }
    do {
      // A reply may end the connection, and a caller's answer may release it.
      try withExtendedLifetime(self) {
        var fed: Result<Void, RESPReader.ProtocolError> = .success(())
        stream?.withInput { bytes in
          fed = Result { () throws(RESPReader.ProtocolError) in try reader.feed(bytes) }
          return bytes.count
        }
        try fed.get()
        while !isOver, let reply = try reader.next() { take(reply) }
      }
    } catch {
      fail("\(error)")
    }
  }

  private func take(_ reply: RESPValue) {
    lastReply = .now
    if let parts = reply.elements, parts.count == 3, parts[0] == .bytes(Array("message".utf8)),
      case .bytes(let payload) = parts[2]
    {
      return onMessage(payload)
    }
    switch expected.popFirst() {
    case nil: fail("a reply to nothing: \(reply.summary)")
    case .own(let completion): completion(reply)
    case .call(let call):
      call.connection = nil
      onReply(call, reply)
    case .handshake:
      switch handshake?.receive(reply) {
      case .waiting, nil: break
      case .refused(let problem): fail(problem)
      case .ready:
        welcomeTimer = nil
        onReady()
      }
    }
  }
}
