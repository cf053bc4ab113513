import CNghttp2

/// What a client's session tells its connection; bytes are valid during the call alone.
protocol HTTP2ClientSessionDelegate: AnyObject {
  func received(header name: RawSpan, _ value: RawSpan, of call: ClientCall)
  func received(data: RawSpan, of call: ClientCall)
  /// The server has ended its side.
  func receivedEnd(of call: ClientCall)
  /// The call's stream is gone, with HTTP/2's error code; `wasUntouched` when the server has not looked at it.
  func closed(_ call: ClientCall, errorCode: UInt32, wasUntouched: Bool)
  /// The server wants no more calls here.
  func receivedGoAway(_ reason: String)
}

/// The client's end of one HTTP/2 connection: nghttp2, wrapped once. Calls in, bytes out, and back.
///
/// It does no I/O: the connection hands it what arrives and sends what it collects. Loop-bound like its connection.
// The session pointer stays in this class; callbacks run inside `receive` and `collectOutput` alone, while `self` is alive.
final class HTTP2ClientSession {
  /// Calls that have a stream.
  private(set) var calls: [Int32: ClientCall] = [:]
  /// What nghttp2 found wrong last.
  private(set) var complaint: String?

  private unowned let delegate: any HTTP2ClientSessionDelegate
  private var session: OpaquePointer?
  private var unsent: Set<Int32> = []

  init?(delegate: any HTTP2ClientSessionDelegate) {
    self.delegate = delegate
    var option: OpaquePointer?
    guard nghttp2_option_new(&option) == 0, let option else { return nil }
    defer { nghttp2_option_del(option) }
    nghttp2_option_set_no_closed_streams(option, 1)
    // A reader who is slow holds up the server, not our memory.
    nghttp2_option_set_no_auto_window_update(option, 1)
    guard let callbacks = Self.callbacks.pointer,
      nghttp2_session_client_new2(&session, callbacks, Unmanaged.passUnretained(self).toOpaque(), option) == 0
    else { return nil }
    var settings = [
      nghttp2_settings_entry(settings_id: Int32(NGHTTP2_SETTINGS_ENABLE_PUSH.rawValue), value: 0),
      nghttp2_settings_entry(
        settings_id: Int32(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE.rawValue),
        value: UInt32(GRPCResponse.maximumHeaderBytes)),
    ]
    nghttp2_submit_settings(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), &settings, settings.count)
    // One call's window is HTTP/2's 64 KiB; all calls together may receive a megabyte ahead, so that one unread stream does
    // not hold up the others.
    nghttp2_session_set_local_window_size(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), 0, 1 << 20)
  }

  deinit { nghttp2_session_del(session) }

  // MARK: Bytes

  /// Processes received bytes and calls the delegate for their content; false when the connection cannot continue.
  func receive(_ bytes: UnsafeRawBufferPointer) -> Bool {
    let code = nghttp2_session_mem_recv(session, bytes.bindMemory(to: UInt8.self).baseAddress, bytes.count)
    guard code < 0 else { return true }
    complaint = complaint ?? String(cString: nghttp2_strerror(Int32(code)))
    return false
  }

  /// Appends frames that are ready to `buffer`, until there are none or it holds `limit` bytes.
  func collectOutput(into buffer: inout [UInt8], limit: Int) {
    var data: UnsafePointer<UInt8>?
    while buffer.count < limit {
      let count = nghttp2_session_mem_send(session, &data)
      guard count > 0 else { return }
      buffer.append(contentsOf: UnsafeBufferPointer(start: data, count: count))
    }
  }

  /// Whether anything more is to come in or go out.
  var isOver: Bool { nghttp2_session_want_read(session) == 0 && nghttp2_session_want_write(session) == 0 }

  /// Whether a call may begin here.
  var takesCalls: Bool { nghttp2_session_check_request_allowed(session) != 0 }

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
      stream = nghttp2_submit_request(session, nil, fields, count, &provider, nil)
    }
    guard stream > 0 else { return false }
    call.stream = stream
    calls[stream] = call
    return true
  }

  /// Breaks a call off; the delegate hears no more of it.
  func cancel(_ call: ClientCall) {
    guard calls.removeValue(forKey: call.stream) != nil else { return }
    nghttp2_submit_rst_stream(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), call.stream, NGHTTP2_CANCEL.rawValue)
    nghttp2_session_consume_connection(session, call.unacknowledgedCount)
    // The request may be read from until the reset has left.
    cancelled[call.stream] = call
  }

  /// Lets the server send as many bytes more.
  func acknowledge(_ count: Int, of call: ClientCall) {
    nghttp2_session_consume(session, call.stream, count)
  }

  /// Lets the server send as many bytes more on other streams; the call's own is closed.
  func acknowledgeOnConnection(_ count: Int) { nghttp2_session_consume_connection(session, count) }

  /// Probes the peer.
  func ping() { nghttp2_submit_ping(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), nil) }

  /// Says goodbye.
  func terminate() { nghttp2_session_terminate_session(session, NGHTTP2_NO_ERROR.rawValue) }

  // MARK: Callbacks

  private var cancelled: [Int32: ClientCall] = [:]

  private func received(_ frame: UnsafePointer<nghttp2_frame>) {
    let header = frame.pointee.hd
    switch nghttp2_frame_type(UInt32(header.type)) {
    case NGHTTP2_HEADERS, NGHTTP2_DATA:
      guard header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0, let call = calls[header.stream_id] else {
        return
      }
      delegate.receivedEnd(of: call)
    case NGHTTP2_GOAWAY:
      let code = frame.pointee.goaway.error_code
      let name = nghttp2_http2_strerror(code).map { String(cString: $0) } ?? "\(code)"
      delegate.receivedGoAway(name)
    default: break
    }
  }

  private func closed(_ stream: Int32, _ errorCode: UInt32) {
    cancelled[stream] = nil
    let wasUnsent = unsent.remove(stream) != nil
    guard let call = calls.removeValue(forKey: stream) else { return }
    delegate.closed(
      call, errorCode: errorCode, wasUntouched: wasUnsent || errorCode == NGHTTP2_REFUSED_STREAM.rawValue)
  }

  private static func from(_ context: UnsafeMutableRawPointer?) -> HTTP2ClientSession? {
    context.map { Unmanaged<HTTP2ClientSession>.fromOpaque($0).takeUnretainedValue() }
  }

  /// The table of callbacks, made once.
  // Safe to share: nghttp2 copies from it, and nothing changes it after it is made.
  private struct Callbacks: @unchecked Sendable {
    var pointer: OpaquePointer?
  }

  private static let callbacks: Callbacks = {
    var pointer: OpaquePointer?
    guard nghttp2_session_callbacks_new(&pointer) == 0, let pointer else { return Callbacks() }
    nghttp2_session_callbacks_set_on_header_callback(pointer) {
      _, frame, name, nameLength, value, valueLength, _, context in
      guard let frame, let session = HTTP2ClientSession.from(context),
        let call = session.calls[frame.pointee.hd.stream_id]
      else { return 0 }
      let name = UnsafeRawBufferPointer(start: name, count: nameLength).bytes
      let value = UnsafeRawBufferPointer(start: value, count: valueLength).bytes
      session.delegate.received(header: name, value, of: call)
      return 0
    }
    nghttp2_session_callbacks_set_on_frame_recv_callback(pointer) { _, frame, context in
      if let frame { HTTP2ClientSession.from(context)?.received(frame) }
      return 0
    }
    nghttp2_session_callbacks_set_on_frame_not_send_callback(pointer) { _, frame, _, context in
      // A request that the server's goodbye or its settings kept from leaving.
      if let frame, nghttp2_frame_type(UInt32(frame.pointee.hd.type)) == NGHTTP2_HEADERS {
        HTTP2ClientSession.from(context)?.unsent.insert(frame.pointee.hd.stream_id)
      }
      return 0
    }
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(pointer) { handle, _, stream, data, length, context in
      guard let session = HTTP2ClientSession.from(context) else { return 0 }
      if let call = session.calls[stream] {
        session.delegate.received(data: UnsafeRawBufferPointer(start: data, count: length).bytes, of: call)
      } else {
        nghttp2_session_consume_connection(handle, length)
      }
      return 0
    }
    nghttp2_session_callbacks_set_on_stream_close_callback(pointer) { _, stream, errorCode, context in
      HTTP2ClientSession.from(context)?.closed(stream, errorCode)
      return 0
    }
    nghttp2_session_callbacks_set_error_callback2(pointer) { _, _, text, length, context in
      let bytes = UnsafeRawBufferPointer(start: text, count: length)
      HTTP2ClientSession.from(context)?.complaint = String(decoding: bytes, as: UTF8.self)
      return 0
    }
    return Callbacks(pointer: pointer)
  }()
}
