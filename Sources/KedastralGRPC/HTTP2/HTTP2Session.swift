import CNghttp2

/// One end of an HTTP/2 connection: owns nghttp2's session, its memory and its callbacks.
///
/// It does no I/O and calls no other type: ``HTTP2ServerSession`` and ``HTTP2ClientSession`` take received bytes, return what these
/// bytes mean as events, and return the bytes to send. So a session is used, and tested, without a connection.
/// Loop-bound like its connection.
// The pointer stays in this class and its two roles; callbacks run inside `feed` and `collect` alone, while `self` is alive.
class HTTP2Session {
  /// Which end of the connection a session is.
  enum End {
    case server
    case client
  }

  /// What nghttp2 found wrong with the bytes fed last.
  private(set) final var complaint: String?
  /// nghttp2's session, for the roles.
  private(set) final var handle: OpaquePointer?
  private final let memory = SessionMemory()
  /// The bytes that nghttp2 reads now; positions of data are counted from their start.
  private final var input = UnsafeRawBufferPointer(start: nil, count: 0)

  /// Creates a session.
  ///
  /// - Parameters:
  ///   - windowBytes: how much all calls of the peer together may send ahead; one call's window is HTTP/2's 64 KiB.
  ///   - configure: sets the nghttp2 options of one end; the common ones are set already.
  init?(
    _ end: End, settings: [(nghttp2_settings_id, Int)], windowBytes: Int32, configure: (OpaquePointer) -> Void
  ) {
    var option: OpaquePointer?
    guard nghttp2_option_new(&option) == 0, let option else { return nil }
    defer { nghttp2_option_del(option) }
    nghttp2_option_set_no_closed_streams(option, 1)
    configure(option)
    let context = Unmanaged.passUnretained(self).toOpaque()
    let create = end == .server ? nghttp2_session_server_new3 : nghttp2_session_client_new3
    guard let callbacks = Self.callbacks.pointer,
      memory.withFunctions({ create(&handle, callbacks, context, option, $0) }) == 0
    else { return nil }
    let entries = settings.map { nghttp2_settings_entry(settings_id: Int32($0.0.rawValue), value: UInt32($0.1)) }
    nghttp2_submit_settings(handle, Self.noFlags, entries, entries.count)
    nghttp2_session_set_local_window_size(handle, Self.noFlags, 0, windowBytes)
  }

  deinit { nghttp2_session_del(handle) }

  final class var noFlags: UInt8 { UInt8(NGHTTP2_FLAG_NONE.rawValue) }

  // MARK: Bytes

  /// Reads received bytes; false when the connection cannot continue, with the reason in ``complaint``.
  final func feed(_ bytes: UnsafeRawBufferPointer) -> Bool {
    complaint = nil
    input = bytes
    defer { input = UnsafeRawBufferPointer(start: nil, count: 0) }
    let code = nghttp2_session_mem_recv(handle, bytes.bindMemory(to: UInt8.self).baseAddress, bytes.count)
    guard code < 0 else { return true }
    complaint = complaint ?? String(cString: nghttp2_strerror(Int32(code)))
    return false
  }

  /// Appends frames that are ready to `buffer`, until there are none or it holds `limit` bytes.
  final func collect(into buffer: inout [UInt8], limit: Int) {
    var data: UnsafePointer<UInt8>?
    while buffer.count < limit {
      let count = nghttp2_session_mem_send(handle, &data)
      guard count > 0 else { return }
      buffer.append(contentsOf: UnsafeBufferPointer(start: data, count: count))
    }
  }

  /// Gives memory back that a session without calls does not need, when nothing is on its way out.
  final func rest() { if nghttp2_session_want_write(handle) == 0 { memory.rest() } }

  /// Whether anything more is to come in or go out.
  final var isOver: Bool { nghttp2_session_want_read(handle) == 0 && nghttp2_session_want_write(handle) == 0 }

  // MARK: What both ends send

  /// Probes the peer.
  final func ping() { nghttp2_submit_ping(handle, Self.noFlags, nil) }

  /// Ends a stream.
  final func reset(_ stream: Int32, _ code: nghttp2_error_code) {
    nghttp2_submit_rst_stream(handle, Self.noFlags, stream, code.rawValue)
  }

  /// Ends the session.
  final func terminate(_ code: nghttp2_error_code) { nghttp2_session_terminate_session(handle, code.rawValue) }

  // MARK: What a role overrides

  /// A header block begins.
  func began(_ frame: UnsafePointer<nghttp2_frame>) {}
  /// A field of a header block; its bytes are valid during the call alone.
  func received(header name: RawSpan, _ value: RawSpan, of stream: Int32) {}
  /// Data of a stream, at these positions of the bytes that are being fed.
  func received(data: Range<Int>, of stream: Int32) {}
  /// A frame has arrived whole.
  func received(_ frame: UnsafePointer<nghttp2_frame>) {}
  /// A frame has come that HTTP/2 does not allow.
  func receivedInvalidFrame() {}
  /// A frame has left.
  func sent(_ frame: UnsafePointer<nghttp2_frame>) {}
  /// A frame cannot be sent any more.
  func dropped(_ frame: UnsafePointer<nghttp2_frame>) {}
  /// A stream is over, with HTTP/2's error code.
  func closed(_ stream: Int32, _ errorCode: UInt32) {}

  // MARK: Callbacks

  /// The session that a callback is for.
  final class func from(_ context: UnsafeMutableRawPointer?) -> HTTP2Session? {
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
      if let frame { HTTP2Session.from(context)?.began(frame) }
      return 0
    }
    nghttp2_session_callbacks_set_on_header_callback(pointer) {
      _, frame, name, nameLength, value, valueLength, _, context in
      guard let frame else { return 0 }
      let name = UnsafeRawBufferPointer(start: name, count: nameLength).bytes
      let value = UnsafeRawBufferPointer(start: value, count: valueLength).bytes
      HTTP2Session.from(context)?.received(header: name, value, of: frame.pointee.hd.stream_id)
      return 0
    }
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(pointer) { _, _, stream, data, length, context in
      guard let session = HTTP2Session.from(context), let data, let start = session.input.baseAddress else { return 0 }
      // nghttp2 hands over the bytes where they came in.
      let offset = UnsafeRawPointer(data) - start
      guard offset >= 0, offset + length <= session.input.count else { return NGHTTP2_ERR_CALLBACK_FAILURE.rawValue }
      session.received(data: offset..<offset + length, of: stream)
      return 0
    }
    nghttp2_session_callbacks_set_on_frame_recv_callback(pointer) { _, frame, context in
      if let frame { HTTP2Session.from(context)?.received(frame) }
      return 0
    }
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(pointer) { _, _, _, context in
      HTTP2Session.from(context)?.receivedInvalidFrame()
      return 0
    }
    nghttp2_session_callbacks_set_on_frame_send_callback(pointer) { _, frame, context in
      if let frame { HTTP2Session.from(context)?.sent(frame) }
      return 0
    }
    nghttp2_session_callbacks_set_on_frame_not_send_callback(pointer) { _, frame, _, context in
      if let frame { HTTP2Session.from(context)?.dropped(frame) }
      return 0
    }
    nghttp2_session_callbacks_set_on_stream_close_callback(pointer) { _, stream, errorCode, context in
      HTTP2Session.from(context)?.closed(stream, errorCode)
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
