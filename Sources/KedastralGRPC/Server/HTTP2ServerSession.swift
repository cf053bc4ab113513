import CNghttp2

/// A server's end of an HTTP/2 connection: bytes in, events about calls out; answers in, bytes out.
///
///     var events: [HTTP2ServerSession.Event] = []
///     let isFine = session.receive(bytes, at: .now, into: &events)
final class HTTP2ServerSession: HTTP2Session {
  /// What received or sent bytes mean for a call or for the connection.
  enum Event {
    /// A request's headers have arrived.
    case request(GRPCCall)
    /// Content of a request, at these positions of the bytes that were received.
    case data(GRPCCall, Range<Int>)
    /// The client has ended its side.
    case end(GRPCCall)
    /// The call is over, by its end or a reset; nothing more can be sent on it.
    case closed(GRPCCall)
    /// The client has sent its settings.
    case settings
    /// The client has answered a ping.
    case pingAnswer
    /// A frame came that carries nothing that a call needs.
    case idleFrame
  }

  /// Calls that are not over yet, by stream.
  private(set) var calls: [Int32: GRPCCall] = [:]

  private let limits: GRPCLimits
  private let registry: GRPCRegistry
  private let buffers: BufferPool
  // Three of these are unchecked, since they are touched for every frame: the code that does is below, and calls nothing
  // outside meanwhile.
  @exclusivity(unchecked) private var events: [Event] = []
  private var now = ContinuousClock.now
  /// The call whose headers arrive now; a header block is never interrupted by another stream's frames.
  @exclusivity(unchecked) private var receiving: GRPCCall?
  /// The call that a frame came for last: the next frame is likely to be for the same.
  @exclusivity(unchecked) private var latest: GRPCCall?
  /// Calls whose answer is complete, but has not left, while the client still sends.
  private var answeredEarly: Set<Int32> = []

  init?(limits: GRPCLimits, registry: GRPCRegistry, buffers: BufferPool) {
    self.limits = limits
    self.registry = registry
    self.buffers = buffers
    super.init(
      .server,
      settings: [
        (NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits.callsPerConnection),
        (NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, limits.headerBytes), (NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1),
      ], windowBytes: 1 << 20
    ) { option in
      nghttp2_option_set_stream_reset_rate_limit(option, UInt64(limits.resetBurst), UInt64(limits.resetsPerSecond))
    }
  }

  // MARK: Bytes

  /// Appends what `bytes` mean to `events`; false when the connection cannot continue behind them.
  func receive(_ bytes: UnsafeRawBufferPointer, at now: ContinuousClock.Instant, into events: inout [Event]) -> Bool {
    self.now = now
    // The storage is lent for the time of the call, so that a session at rest holds none.
    swap(&events, &self.events)
    defer { swap(&events, &self.events) }
    return feed(bytes)
  }

  /// Appends bytes to send to `buffer`, and what their leaving means to `events`.
  func collectOutput(into buffer: inout [UInt8], limit: Int, _ events: inout [Event]) {
    swap(&events, &self.events)
    defer { swap(&events, &self.events) }
    collect(into: &buffer, limit: limit)
  }

  // MARK: Answers

  /// Begins an answer with messages: the headers, then what the call's output holds, as it grows, then the trailers.
  func beginAnswer(to call: GRPCCall) { submitBody(of: call, HeaderBlock.answer.fields, HeaderBlock.answer.count) }

  /// Resumes an answer whose output had run empty.
  func resumeAnswer(to call: GRPCCall) { if call.hasStream { nghttp2_session_resume_data(handle, call.id) } }

  /// Answers with a status alone, in one header frame.
  func answer(_ call: GRPCCall, status: GRPCStatus) {
    guard call.hasStream else { return }
    HeaderBlock.withTemporary(HeaderBlock.refusalFields + Self.fields(of: status)) { fields, count in
      nghttp2_submit_response(handle, call.id, fields, count, nil)
    }
    noteEnd(of: call)
  }

  /// Answers in plain HTTP, for a client that does not speak gRPC; the text is the call's output.
  func answer(_ call: GRPCCall, httpStatus: Int) {
    let list = [(":status", "\(httpStatus)"), ("content-type", "text/plain; charset=utf-8")]
    HeaderBlock.withTemporary(list) { fields, count in submitBody(of: call, fields, count) }
  }

  /// Tells the client of an answered call that the rest of its request is not wanted.
  func declineRequest(of call: GRPCCall) { if call.hasStream { reset(call.id, NGHTTP2_NO_ERROR) } }

  /// Breaks a call off.
  func cancel(_ call: GRPCCall) { if call.hasStream { reset(call.id, NGHTTP2_CANCEL) } }

  private func submitBody(of call: GRPCCall, _ fields: UnsafePointer<nghttp2_nv>, _ count: Int) {
    guard call.hasStream else { return }
    var provider = nghttp2_data_provider()
    // Unretained: nghttp2 reads from open streams alone, and `calls` holds the call until its stream is closed.
    provider.source.ptr = Unmanaged.passUnretained(call).toOpaque()
    provider.read_callback = { _, _, buffer, length, flags, source, context in
      guard let context, let source = source?.pointee.ptr, let buffer, let flags else {
        return Int(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue)
      }
      let session = Unmanaged<HTTP2ServerSession>.fromOpaque(context).takeUnretainedValue()
      let call = Unmanaged<GRPCCall>.fromOpaque(source).takeUnretainedValue()
      return session.fill(UnsafeMutableRawBufferPointer(start: buffer, count: length), from: call, flags)
    }
    nghttp2_submit_response(handle, call.id, fields, count, &provider)
  }

  /// Moves output of a call into a frame, and ends the answer behind the last byte.
  private func fill(
    _ frame: UnsafeMutableRawBufferPointer, from call: GRPCCall, _ flags: UnsafeMutablePointer<UInt32>
  ) -> Int {
    let count = call.moveOutput(to: frame)
    guard call.pendingOutput == 0 else { return count }
    switch call.ending {
    case .none:
      if count == 0 { return Int(NGHTTP2_ERR_DEFERRED.rawValue) }
    case .http:
      flags.pointee |= NGHTTP2_DATA_FLAG_EOF.rawValue
    case .status(let status):
      flags.pointee |= NGHTTP2_DATA_FLAG_EOF.rawValue | NGHTTP2_DATA_FLAG_NO_END_STREAM.rawValue
      if status.code == .ok, call.trailers.isEmpty {
        nghttp2_submit_trailer(handle, call.id, HeaderBlock.success.fields, HeaderBlock.success.count)
      } else {
        let fields = Self.fields(of: status) + (status.code == .ok ? call.trailers : [])
        HeaderBlock.withTemporary(fields) { nghttp2_submit_trailer(handle, call.id, $0, $1) }
      }
    }
    if call.ending != .none { noteEnd(of: call) }
    return count
  }

  /// An answer's last frame is on its way.
  private func noteEnd(of call: GRPCCall) {
    if !call.hasWholeRequest { answeredEarly.insert(call.id) }
  }

  private static func fields(of status: GRPCStatus) -> [(name: String, value: String)] {
    let code = ("grpc-status", "\(status.code.rawValue)")
    return status.message.isEmpty ? [code] : [code, ("grpc-message", status.percentEncodedMessage)]
  }

  // MARK: The connection

  /// Tells the client to begin no more calls here; those on their way are still taken.
  func announceShutdown() { nghttp2_submit_shutdown_notice(handle) }

  /// Takes no more calls; those that are open may end. The session is over when they have.
  func refuseNewCalls() {
    let last = nghttp2_session_get_last_proc_stream_id(handle)
    nghttp2_submit_goaway(handle, Self.noFlags, last, NGHTTP2_NO_ERROR.rawValue, nil, 0)
  }

  // MARK: What nghttp2 reports

  override func began(_ frame: UnsafePointer<nghttp2_frame>) {
    guard frame.pointee.headers.cat == NGHTTP2_HCAT_REQUEST else { return receiving = nil }
    let deframer = MessageDeframer(maximumLength: limits.messageBytes, buffer: buffers.take())
    let call = GRPCCall(id: frame.pointee.hd.stream_id, at: now, deframer: deframer)
    var storage = buffers.take()
    call.exchangeOutputStorage(&storage)
    calls[call.id] = call
    receiving = call
    latest = call
  }

  override func received(header name: RawSpan, _ value: RawSpan, of stream: Int32) {
    guard let call = receiving else { return }
    call.headerBytes += name.byteCount + value.byteCount + 32
    // What is over the limit is counted, not kept; the call is refused when its headers have ended.
    if call.headerBytes <= limits.headerBytes { call.receive(header: name, value, registry) }
  }

  override func received(data: Range<Int>, of stream: Int32) {
    if let call = call(of: stream) { events.append(.data(call, data)) }
  }

  override func received(_ frame: UnsafePointer<nghttp2_frame>) {
    let header = frame.pointee.hd
    let isEnd = header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0
    switch nghttp2_frame_type(UInt32(header.type)) {
    case NGHTTP2_HEADERS:
      if let call = receiving {
        receiving = nil
        events.append(.request(call))
      }
      if isEnd { ended(header.stream_id) }
    case NGHTTP2_DATA:
      if isEnd {
        ended(header.stream_id)
      } else if header.length == 0 {
        events.append(.idleFrame)
      }
    case NGHTTP2_SETTINGS:
      events.append(.settings)
      events.append(.idleFrame)
    case NGHTTP2_PING:
      events.append(header.flags & UInt8(NGHTTP2_FLAG_ACK.rawValue) != 0 ? .pingAnswer : .idleFrame)
    case NGHTTP2_WINDOW_UPDATE: events.append(.idleFrame)
    default: break
    }
  }

  override func receivedInvalidFrame() { events.append(.idleFrame) }

  override func sent(_ frame: UnsafePointer<nghttp2_frame>) {
    let header = frame.pointee.hd
    guard !answeredEarly.isEmpty, header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0,
      answeredEarly.remove(header.stream_id) != nil
    else { return }
    calls[header.stream_id]?.isAnsweredEarly = true
  }

  override func closed(_ stream: Int32, _ errorCode: UInt32) {
    if !answeredEarly.isEmpty { answeredEarly.remove(stream) }
    guard let call = calls.removeValue(forKey: stream) else { return }
    if latest === call { latest = nil }
    if receiving === call { receiving = nil }
    call.hasStream = false
    events.append(.closed(call))
  }

  private func ended(_ stream: Int32) { if let call = call(of: stream) { events.append(.end(call)) } }

  private func call(of stream: Int32) -> GRPCCall? {
    if let latest, latest.id == stream { return latest }
    let call = calls[stream]
    latest = call
    return call
  }
}
