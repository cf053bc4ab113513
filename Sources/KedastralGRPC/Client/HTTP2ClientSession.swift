import CNghttp2

/// A client's end of an HTTP/2 connection: calls in, bytes out; bytes in, events about calls out.
final class HTTP2ClientSession: HTTP2Session {
  /// What received or sent bytes mean for a call or for the connection.
  enum Event {
    /// An answer's headers cannot be taken; the call must be broken off.
    case unreadable(ClientCall, GRPCStatus)
    /// Content of an answer, at these positions of the bytes that were received.
    case data(ClientCall, Range<Int>)
    /// The server has ended its side.
    case end(ClientCall)
    /// The call's stream is gone, with HTTP/2's error code; `wasUntouched` when the server has not looked at it.
    case closed(ClientCall, errorCode: UInt32, wasUntouched: Bool)
    /// The server takes no more calls here.
    case goAway(reason: String)
  }

  /// Calls that have a stream.
  private(set) var calls: [Int32: ClientCall] = [:]

  private var events: [Event] = []
  private var unsent: Set<Int32> = []
  /// Calls whose request may still be read, until their reset has left.
  private var cancelled: [Int32: ClientCall] = [:]

  init?() {
    super.init(
      .client,
      settings: [
        (NGHTTP2_SETTINGS_ENABLE_PUSH, 0), (NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, GRPCResponse.maximumHeaderBytes),
      ],
      // One unread answer does not hold up the others.
      windowBytes: 1 << 20
    ) { option in
      // A reader who is slow holds up the server, not our memory.
      nghttp2_option_set_no_auto_window_update(option, 1)
    }
  }

  // MARK: Bytes

  /// Appends what `bytes` mean to `events`; false when the connection cannot continue behind them.
  func receive(_ bytes: UnsafeRawBufferPointer, into events: inout [Event]) -> Bool {
    defer { takeEvents(into: &events) }
    return feed(bytes)
  }

  /// Appends bytes to send to `buffer`, and what their leaving means to `events`.
  func collectOutput(into buffer: inout [UInt8], limit: Int, _ events: inout [Event]) {
    collect(into: &buffer, limit: limit)
    takeEvents(into: &events)
  }

  private func takeEvents(into events: inout [Event]) {
    events += self.events
    self.events = []
  }

  /// Whether a call may begin here.
  var takesCalls: Bool { nghttp2_session_check_request_allowed(handle) != 0 }

  // MARK: Calls

  /// Begins a call; false when there are no more stream numbers or no memory.
  func begin(_ call: ClientCall, headers: [(name: String, value: String)]) -> Bool {
    var provider = nghttp2_data_provider()
    // Unretained: nghttp2 reads for open streams alone, and `calls` holds the call until its stream is closed.
    provider.source.ptr = Unmanaged.passUnretained(call).toOpaque()
    provider.read_callback = { _, _, buffer, length, flags, source, _ in
      guard let source = source?.pointee.ptr, let buffer, let flags else {
        return Int(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue)
      }
      let call = Unmanaged<ClientCall>.fromOpaque(source).takeUnretainedValue()
      let count = min(length, call.request.count - call.sentCount)
      call.request.withUnsafeBytes {
        UnsafeMutableRawBufferPointer(start: buffer, count: count)
          .copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[call.sentCount..<call.sentCount + count]))
      }
      call.sentCount += count
      if call.sentCount == call.request.count { flags.pointee |= NGHTTP2_DATA_FLAG_EOF.rawValue }
      return count
    }
    var stream: Int32 = 0
    HeaderBlock.withTemporary(headers) { fields, count in
      stream = nghttp2_submit_request(handle, nil, fields, count, &provider, nil)
    }
    guard stream > 0 else { return false }
    call.stream = stream
    calls[stream] = call
    return true
  }

  /// Breaks a call off; later events are not about it.
  func cancel(_ call: ClientCall) {
    guard calls.removeValue(forKey: call.stream) != nil else { return }
    reset(call.stream, NGHTTP2_CANCEL)
    nghttp2_session_consume_connection(handle, call.unacknowledgedCount)
    cancelled[call.stream] = call
  }

  /// Lets the server send as many bytes more.
  func acknowledge(_ count: Int, of call: ClientCall) { nghttp2_session_consume(handle, call.stream, count) }

  /// Lets the server send as many bytes more on other streams; the call's own is closed.
  func acknowledgeOnConnection(_ count: Int) { nghttp2_session_consume_connection(handle, count) }

  // MARK: What nghttp2 reports

  override func received(header name: RawSpan, _ value: RawSpan, of stream: Int32) {
    guard let call = calls[stream], !call.isUnreadable else { return }
    do throws(GRPCStatus) {
      try call.receive(header: name, value)
    } catch {
      call.isUnreadable = true
      events.append(.unreadable(call, error))
    }
  }

  override func received(data: Range<Int>, of stream: Int32) {
    if let call = calls[stream] {
      events.append(.data(call, data))
    } else {
      acknowledgeOnConnection(data.count)
    }
  }

  override func received(_ frame: UnsafePointer<nghttp2_frame>) {
    let header = frame.pointee.hd
    switch nghttp2_frame_type(UInt32(header.type)) {
    case NGHTTP2_HEADERS, NGHTTP2_DATA:
      if header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0, let call = calls[header.stream_id] {
        events.append(.end(call))
      }
    case NGHTTP2_GOAWAY:
      let code = frame.pointee.goaway.error_code
      events.append(.goAway(reason: nghttp2_http2_strerror(code).map { String(cString: $0) } ?? "\(code)"))
    default: break
    }
  }

  override func dropped(_ frame: UnsafePointer<nghttp2_frame>) {
    // A request that the server's goodbye or its settings kept from leaving.
    if nghttp2_frame_type(UInt32(frame.pointee.hd.type)) == NGHTTP2_HEADERS {
      unsent.insert(frame.pointee.hd.stream_id)
    }
  }

  override func closed(_ stream: Int32, _ errorCode: UInt32) {
    cancelled[stream] = nil
    let wasUnsent = unsent.remove(stream) != nil
    guard let call = calls.removeValue(forKey: stream) else { return }
    events.append(
      .closed(
        call, errorCode: errorCode, wasUntouched: wasUnsent || errorCode == NGHTTP2_REFUSED_STREAM.rawValue))
  }
}
