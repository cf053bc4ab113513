import CNghttp2
import KedastralCore
import KedastralNet

/// One connection of a client to its server: moves bytes between the socket and the session. Loop-bound.
final class ClientConnection {
  /// It takes no more calls, has calls to begin elsewhere, or is gone.
  var onChange: () -> Void = {}
  /// Whether it is closed.
  private(set) var isClosed = false
  /// Calls that the server has not looked at, for another connection.
  private var untouched: [ClientCall] = []

  private let loop: EventLoop
  private let stream: ByteStream
  private let configuration: GRPCClient.Configuration
  private var session: HTTP2ClientSession?
  private var hasGreeted = false
  private var isLeaving = false
  private var goAwayReason: String?
  /// Whether events are being handled, and a flush follows anyway.
  private var isHandling = false
  private var hasHeard = false
  private var pulse: LoopTimer?
  private var patience: LoopTimer?

  /// Output beyond this waits in the session until the socket has taken what came before.
  private static let maximumPendingOutput = 256 << 10

  init(_ stream: ByteStream, on loop: EventLoop, _ configuration: GRPCClient.Configuration) {
    self.loop = loop
    self.stream = stream
    self.configuration = configuration
    session = HTTP2ClientSession()
    stream.onInput = { [unowned self] in receive() }
    stream.onEvent = { [unowned self] event in handle(event) }
    pulse = LoopTimer(on: loop, every: configuration.keepAliveInterval) { [unowned self] in checkPulse() }
    flush()
  }

  deinit { stream.close() }

  // MARK: Calls

  /// Whether a new call may begin here.
  var takesCalls: Bool { !isClosed && !isLeaving && session?.takesCalls == true }

  /// Whether calls are under way.
  var hasCalls: Bool { session?.calls.isEmpty == false }

  /// Begins a call; false when another connection must carry it.
  func begin(_ call: ClientCall) -> Bool {
    guard takesCalls, let session else { return false }
    var headers = [
      (":method", "POST"), (":scheme", configuration.tls == nil ? "http" : "https"), (":path", call.path),
      (":authority", configuration.authority), ("te", "trailers"), ("content-type", "application/grpc"),
      ("user-agent", "kedastral"), ("grpc-accept-encoding", "identity,gzip"),
    ]
    if let time = call.remainingTime { headers.append(("grpc-timeout", GRPCTimeout.text(time))) }
    guard session.begin(call, headers: headers) else { return false }
    call.connection = self
    flush()
    return true
  }

  /// Breaks a call off.
  func cancel(_ call: ClientCall) {
    session?.cancel(call)
    flush()
  }

  /// Lets the server send more, unless messages wait to be read.
  func acknowledge(_ call: ClientCall) {
    guard let session, !call.hasUnreadMessages, call.unacknowledgedCount > 0 else { return }
    if call.outcome == nil {
      session.acknowledge(call.unacknowledgedCount, of: call)
    } else {
      session.acknowledgeOnConnection(call.unacknowledgedCount)
    }
    call.unacknowledgedCount = 0
    flush()
  }

  /// Gives away the calls that another connection must carry.
  func takeUntouchedCalls() -> [ClientCall] {
    let calls = untouched
    untouched = []
    return calls
  }

  /// Ends the connection; its calls fail.
  func close() {
    session?.terminate(NGHTTP2_NO_ERROR)
    flush()
    fail("the client was closed", code: .cancelled)
  }

  // MARK: Bytes

  private func handle(_ event: ByteStream.Event) {
    switch event {
    case .drained: flush()
    case .closedByPeer: fail(lossText)
    case .failed(let reason): fail("the connection failed: \(reason)")
    case .timedOut, .connected: break
    }
  }

  private var lossText: String {
    if let goAwayReason { return "the server ended the connection (\(goAwayReason))" }
    if hasGreeted { return "the server closed the connection" }
    let hint =
      configuration.tls == nil ? "; it may require TLS, or may not be a gRPC server" : "; it may not be a gRPC server"
    return "the server closed the connection without a response\(hint)"
  }

  private func receive() {
    hasHeard = true
    patience = nil
    var problem: String?
    // The bytes stay in the closure; calls copy what they keep.
    stream.withInput { bytes in
      if !hasGreeted {
        switch ServerGreeting.check(bytes.bytes) {
        case .incomplete: return 0
        case .right: hasGreeted = true
        case .wrong(let finding):
          problem = finding
          return bytes.count
        }
      }
      var events: [HTTP2ClientSession.Event] = []
      if session?.receive(bytes, into: &events) != true {
        problem = "the server violated HTTP/2: \(session?.complaint ?? "no memory for a session")"
      }
      handle(events, bytes)
      return bytes.count
    }
    if let problem { return fail(problem) }
    flush()
    if isLeaving, !isClosed { onChange() }
  }

  /// Sends what the session has to say, as far as the socket takes it.
  private func flush() {
    guard !isHandling, !isClosed, let session else { return }
    while stream.pendingOutput < Self.maximumPendingOutput {
      var batch: [UInt8] = []
      var events: [HTTP2ClientSession.Event] = []
      session.collectOutput(into: &batch, limit: 64 << 10, &events)
      handle(events)
      guard !batch.isEmpty else { break }
      // The pointer is used during the call alone.
      batch.withUnsafeBytes { stream.write($0) }
    }
    if session.isOver { return fail(lossText) }
    if !untouched.isEmpty { onChange() }
  }

  private func fail(_ problem: String, code: GRPCStatus.Code = .unavailable) {
    guard !isClosed else { return }
    isClosed = true
    pulse = nil
    patience = nil
    stream.close()
    let calls = session?.calls.values.map { $0 } ?? []
    session = nil
    for call in calls { call.finish(GRPCStatus(code, problem)) }
    onChange()
  }

  /// Asks a server that has been silent while calls are open whether it lives.
  private func checkPulse() {
    defer { hasHeard = false }
    guard hasCalls, !hasHeard, patience == nil else { return }
    session?.ping()
    let limit = configuration.keepAliveTimeout
    patience = LoopTimer(on: loop, every: limit, repeating: false) { [unowned self] in
      fail("the server did not answer a ping within \(DurationText.format(limit))")
    }
    flush()
  }

  // MARK: What the session reports

  /// - Parameter bytes: what was received, for the data in `events`.
  private func handle(
    _ events: [HTTP2ClientSession.Event], _ bytes: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0)
  ) {
    isHandling = true
    defer { isHandling = false }
    for event in events {
      switch event {
      case .unreadable(let call, let status): give(up: call, status)
      case .data(let call, let range): received(UnsafeRawBufferPointer(rebasing: bytes[range]).bytes, of: call)
      case .end(let call): call.finish(byServer: call.response.end())
      case .closed(let call, let errorCode, let wasUntouched):
        closed(call, errorCode: errorCode, wasUntouched: wasUntouched)
      case .goAway(let reason):
        isLeaving = true
        goAwayReason = reason
      }
    }
  }

  private func received(_ data: RawSpan, of call: ClientCall) {
    // Given up while its data was on its way to here.
    guard call.outcome == nil else {
      session?.acknowledgeOnConnection(data.byteCount)
      return
    }
    do throws(GRPCStatus) {
      try call.receive(data: data)
      acknowledge(call)
    } catch { give(up: call, error) }
  }

  private func closed(_ call: ClientCall, errorCode: UInt32, wasUntouched: Bool) {
    if call.outcome == nil, wasUntouched, !call.isRetry {
      call.prepareRetry()
      untouched.append(call)
      return
    }
    call.finish(byServer: GRPCStatus(resetCode: errorCode))
    acknowledge(call)
  }

  private func give(up call: ClientCall, _ status: GRPCStatus) {
    session?.cancel(call)
    call.finish(status)
  }
}
