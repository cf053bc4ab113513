import CNghttp2
import Glibc

/// The events of a session for its connection; bytes are valid only during the call.
protocol HTTP2SessionDelegate: AnyObject {
  /// A request begins.
  func makeCall(id: Int32) -> GRPCCall
  func received(header name: RawSpan, _ value: RawSpan, of call: GRPCCall)
  func receivedAllHeaders(of call: GRPCCall)
  func received(data: RawSpan, of call: GRPCCall)
  func receivedEnd(of call: GRPCCall)
  /// The call is over, by its end or a reset; nothing more can be sent on it.
  func closed(_ call: GRPCCall)
  /// The client has sent its settings.
  func receivedSettings()
  /// The client has answered a ping.
  func receivedPingAnswer()
  /// A frame came that carries nothing a call needs.
  func receivedIdleFrame()
}

/// The server's end of one HTTP/2 connection: nghttp2, wrapped once. Bytes in, calls out, and back.
///
/// It does no I/O: the connection passes received bytes to it and sends its output. Loop-bound like its connection.
// The session pointer stays in this class; callbacks run inside `receive` and `collectOutput` alone, while `self` is alive.
final class HTTP2Session {
  /// Calls that are not over yet, by stream.
  private(set) var calls: [Int32: GRPCCall] = [:]
  /// What nghttp2 found wrong last.
  private(set) var complaint: String?

  // Unchecked, since it is asked for every header: the connection owns the session, and alone calls it.
  private unowned(unsafe) let delegate: any HTTP2SessionDelegate
  private var session: OpaquePointer?
  private let memory = SessionMemory()
  /// The call whose headers arrive now; a header block is never interrupted by another stream's frames.
  private var receiving: GRPCCall?
  /// Calls whose answer is complete, but has not left, while the client still sends.
  private var answeredEarly: Set<Int32> = []
  private let maximumHeaderBytes: Int

  init?(limits: GRPCLimits, delegate: any HTTP2SessionDelegate) {
    self.delegate = delegate
    maximumHeaderBytes = limits.headerBytes
    var option: OpaquePointer?
    guard nghttp2_option_new(&option) == 0, let option else { return nil }
    defer { nghttp2_option_del(option) }
    nghttp2_option_set_no_closed_streams(option, 1)
    nghttp2_option_set_stream_reset_rate_limit(option, UInt64(limits.resetBurst), UInt64(limits.resetsPerSecond))
    let context = Unmanaged.passUnretained(self).toOpaque()
    guard let callbacks = Self.callbacks.pointer,
      memory.withFunctions({ nghttp2_session_server_new3(&session, callbacks, context, option, $0) }) == 0
    else { return nil }
    var settings = [
      nghttp2_settings_entry(
        settings_id: Int32(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS.rawValue), value: UInt32(limits.callsPerConnection)),
      nghttp2_settings_entry(
        settings_id: Int32(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE.rawValue), value: UInt32(limits.headerBytes)),
      nghttp2_settings_entry(settings_id: Int32(NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES.rawValue), value: 1),
    ]
    nghttp2_submit_settings(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), &settings, settings.count)
    // One call's window is HTTP/2's 64 KiB; all calls together may send a megabyte ahead.
    nghttp2_session_set_local_window_size(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), 0, 1 << 20)
  }

  deinit { nghttp2_session_del(session) }

  // MARK: Bytes

  /// Processes received bytes and calls the delegate for their content; false when the connection cannot continue.
  func receive(_ bytes: UnsafeRawBufferPointer) -> Bool {
    let code = nghttp2_session_mem_recv(session, bytes.bindMemory(to: UInt8.self).baseAddress, bytes.count)
    guard code < 0 else { return true }
    complaint = String(cString: nghttp2_strerror(Int32(code)))
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

  /// Gives memory back that a session without calls does not need, when nothing is on its way out.
  func rest() { if nghttp2_session_want_write(session) == 0 { memory.rest() } }

  /// Whether there is more input or output to process.
  var isOver: Bool { nghttp2_session_want_read(session) == 0 && nghttp2_session_want_write(session) == 0 }

  // MARK: Answers

  /// Begins an answer with messages: the headers, then what the call's output holds, as it grows, then the trailers.
  func beginAnswer(to call: GRPCCall) {
    submitBody(of: call, HeaderBlock.answer.fields, HeaderBlock.answer.count)
  }

  /// Resumes a response that had no output to send.
  func resumeAnswer(to call: GRPCCall) { nghttp2_session_resume_data(session, call.id) }

  /// Responds with only a status, in one header frame.
  func answer(_ call: GRPCCall, status: GRPCStatus) {
    HeaderBlock.withTemporary(HeaderBlock.refusalFields + Self.fields(of: status)) { fields, count in
      nghttp2_submit_response(session, call.id, fields, count, nil)
    }
    noteEnd(of: call)
  }

  /// Responds with plain HTTP, for a client that does not use gRPC; the text is the call's output.
  func answer(_ call: GRPCCall, httpStatus: Int) {
    let list = [(":status", "\(httpStatus)"), ("content-type", "text/plain; charset=utf-8")]
    HeaderBlock.withTemporary(list) { fields, count in submitBody(of: call, fields, count) }
  }

  /// Tells the client of an answered call to stop sending its request.
  func declineRequest(of call: GRPCCall) { reset(call.id, NGHTTP2_NO_ERROR) }

  /// Breaks a call off.
  func cancel(_ call: GRPCCall) { reset(call.id, NGHTTP2_CANCEL) }

  private func submitBody(of call: GRPCCall, _ fields: UnsafePointer<nghttp2_nv>, _ count: Int) {
    var provider = nghttp2_data_provider()
    // Unretained: nghttp2 reads from open streams alone, and `calls` holds the call until its stream is closed.
    provider.source.ptr = Unmanaged.passUnretained(call).toOpaque()
    provider.read_callback = { _, _, buffer, length, flags, source, context in
      guard let session = HTTP2Session.from(context), let source = source?.pointee.ptr, let buffer, let flags else {
        return Int(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue)
      }
      let call = Unmanaged<GRPCCall>.fromOpaque(source).takeUnretainedValue()
      return session.fill(UnsafeMutableRawBufferPointer(start: buffer, count: length), from: call, flags)
    }
    nghttp2_submit_response(session, call.id, fields, count, &provider)
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
        nghttp2_submit_trailer(session, call.id, HeaderBlock.success.fields, HeaderBlock.success.count)
      } else {
        let fields = Self.fields(of: status) + (status.code == .ok ? call.trailers : [])
        HeaderBlock.withTemporary(fields) { nghttp2_submit_trailer(session, call.id, $0, $1) }
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

  private func reset(_ stream: Int32, _ code: nghttp2_error_code) {
    nghttp2_submit_rst_stream(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), stream, code.rawValue)
  }

  // MARK: The connection

  /// Probes the peer.
  func ping() { nghttp2_submit_ping(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), nil) }

  /// Tells the client to begin no more calls here; those on their way are still taken.
  func announceShutdown() { nghttp2_submit_shutdown_notice(session) }

  /// Takes no more calls; those that are open may end. The session is over when they have.
  func refuseNewCalls() {
    let last = nghttp2_session_get_last_proc_stream_id(session)
    nghttp2_submit_goaway(
      session, UInt8(NGHTTP2_FLAG_NONE.rawValue), last, NGHTTP2_NO_ERROR.rawValue, nil, 0)
  }

  /// Ends the session for a misbehaving client.
  func terminate() { nghttp2_session_terminate_session(session, NGHTTP2_ENHANCE_YOUR_CALM.rawValue) }

  // MARK: Callbacks

  private func begin(_ frame: UnsafePointer<nghttp2_frame>) {
    guard frame.pointee.headers.cat == NGHTTP2_HCAT_REQUEST else { return receiving = nil }
    let call = delegate.makeCall(id: frame.pointee.hd.stream_id)
    calls[call.id] = call
    receiving = call
  }

  private func received(_ frame: UnsafePointer<nghttp2_frame>) {
    let header = frame.pointee.hd
    let isEnd = header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0
    switch nghttp2_frame_type(UInt32(header.type)) {
    case NGHTTP2_HEADERS:
      if let call = receiving {
        receiving = nil
        delegate.receivedAllHeaders(of: call)
      }
      if isEnd, let call = calls[header.stream_id] { delegate.receivedEnd(of: call) }
    case NGHTTP2_DATA:
      if isEnd {
        if let call = calls[header.stream_id] { delegate.receivedEnd(of: call) }
      } else if header.length == 0 {
        delegate.receivedIdleFrame()
      }
    case NGHTTP2_SETTINGS:
      delegate.receivedSettings()
      delegate.receivedIdleFrame()
    case NGHTTP2_PING:
      let isAnswer = header.flags & UInt8(NGHTTP2_FLAG_ACK.rawValue) != 0
      if isAnswer { delegate.receivedPingAnswer() } else { delegate.receivedIdleFrame() }
    case NGHTTP2_WINDOW_UPDATE: delegate.receivedIdleFrame()
    default: break
    }
  }

  private func sent(_ frame: UnsafePointer<nghttp2_frame>) {
    let header = frame.pointee.hd
    guard !answeredEarly.isEmpty, header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0,
      answeredEarly.remove(header.stream_id) != nil
    else { return }
    calls[header.stream_id]?.isAnsweredEarly = true
  }

  private func closed(_ stream: Int32) {
    if !answeredEarly.isEmpty { answeredEarly.remove(stream) }
    if let call = calls.removeValue(forKey: stream) { delegate.closed(call) }
  }

  private static func from(_ context: UnsafeMutableRawPointer?) -> HTTP2Session? {
    context.map { Unmanaged<HTTP2Session>.fromOpaque($0).takeUnretainedValue() }
  }

  /// The table of callbacks, made once.
  // Safe to share: nghttp2 copies from it, and nothing changes it after it is made.
  private struct Callbacks: @unchecked Sendable {
    var pointer: OpaquePointer?
  }

  private static let callbacks: Callbacks = {
    var pointer: OpaquePointer?
    guard nghttp2_session_callbacks_new(&pointer) == 0, let pointer else { return Callbacks() }
    nghttp2_session_callbacks_set_on_begin_headers_callback(pointer) { _, frame, context in
      if let frame { HTTP2Session.from(context)?.begin(frame) }
      return 0
    }
    nghttp2_session_callbacks_set_on_header_callback(pointer) {
      _, _, name, nameLength, value, valueLength, _, context in
      guard let session = HTTP2Session.from(context), let call = session.receiving else { return 0 }
      call.headerBytes += nameLength + valueLength + 32
      // What is over the limit is counted, not kept; the call is refused when its headers have ended.
      guard call.headerBytes <= session.maximumHeaderBytes else { return 0 }
      let name = UnsafeRawBufferPointer(start: name, count: nameLength).bytes
      let value = UnsafeRawBufferPointer(start: value, count: valueLength).bytes
      session.delegate.received(header: name, value, of: call)
      return 0
    }
    nghttp2_session_callbacks_set_on_frame_recv_callback(pointer) { _, frame, context in
      if let frame { HTTP2Session.from(context)?.received(frame) }
      return 0
    }
    nghttp2_session_callbacks_set_on_frame_send_callback(pointer) { _, frame, context in
      if let frame { HTTP2Session.from(context)?.sent(frame) }
      return 0
    }
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(pointer) { _, _, stream, data, length, context in
      guard let session = HTTP2Session.from(context), let call = session.calls[stream] else { return 0 }
      session.delegate.received(data: UnsafeRawBufferPointer(start: data, count: length).bytes, of: call)
      return 0
    }
    nghttp2_session_callbacks_set_on_stream_close_callback(pointer) { _, stream, _, context in
      HTTP2Session.from(context)?.closed(stream)
      return 0
    }
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(pointer) { _, _, _, context in
      HTTP2Session.from(context)?.delegate.receivedIdleFrame()
      return 0
    }
    nghttp2_session_callbacks_set_error_callback2(pointer) { _, _, text, length, context in
      let bytes = UnsafeRawBufferPointer(start: text, count: length)
      HTTP2Session.from(context)?.complaint = String(decoding: bytes, as: UTF8.self)
      return 0
    }
    return Callbacks(pointer: pointer)
  }()
}
