import KedastralCore
import KedastralNet

/// One connection of a client to its server: moves bytes between the socket and the session. Loop-bound.
final class ClientConnection: HTTP2ClientSessionDelegate {
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
  /// Whether the session is at work, and must not be asked to send.
  private var isInSession = false
  private var hasHeard = false
  private var pulse: LoopTimer?
  private var patience: LoopTimer?

  /// Output beyond this waits in the session until the socket has taken what came before.
  private static let maximumPendingOutput = 256 << 10

  init(_ stream: ByteStream, on loop: EventLoop, _ configuration: GRPCClient.Configuration) {
    self.loop = loop
    self.stream = stream
    self.configuration = configuration
    session = HTTP2ClientSession(delegate: self)
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
    session?.terminate()
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
    isInSession = true
    var problem: String?
    // The bytes stay in the closure; the session copies what it keeps.
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
      if session?.receive(bytes) != true {
        problem = "the server violated HTTP/2: \(session?.complaint ?? "no memory for a session")"
      }
      return bytes.count
    }
    isInSession = false
    if let problem { return fail(problem) }
    flush()
    if isLeaving, !isClosed { onChange() }
  }

  /// Sends what the session has to say, as far as the socket takes it.
  private func flush() {
    guard !isInSession, !isClosed, let session else { return }
    while stream.pendingOutput < Self.maximumPendingOutput {
      var batch: [UInt8] = []
      isInSession = true
      session.collectOutput(into: &batch, limit: 64 << 10)
      isInSession = false
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

  // MARK: What the session tells

  func received(header name: RawSpan, _ value: RawSpan, of call: ClientCall) {
    do throws(GRPCStatus) { try call.receive(header: name, value) } catch { give(up: call, error) }
  }

  func received(data: RawSpan, of call: ClientCall) {
    do throws(GRPCStatus) {
      try call.receive(data: data)
      acknowledge(call)
    } catch { give(up: call, error) }
  }

  func receivedEnd(of call: ClientCall) { call.finish(call.response.end()) }

  func closed(_ call: ClientCall, errorCode: UInt32, wasUntouched: Bool) {
    if call.outcome == nil, wasUntouched, !call.isRetry {
      call.prepareRetry()
      untouched.append(call)
      return
    }
    call.finish(GRPCStatus(resetCode: errorCode))
    acknowledge(call)
  }

  func receivedGoAway(_ reason: String) {
    isLeaving = true
    goAwayReason = reason
  }

  private func give(up call: ClientCall, _ status: GRPCStatus) {
    session?.cancel(call)
    call.finish(status)
  }
}
