import CEvent
import Glibc

/// One request of one connection, from its arrival until its answer is handed over.
///
/// Loop-bound. The evhttp request belongs to this object until an answer is given, and to evhttp from then on.
final class HTTPExchange {
  /// What was asked.
  let request: HTTPRequest
  /// Called once, when the client goes away before its answer is complete.
  var onClose: () -> Void = {}
  private(set) var isStreaming = false
  private var pointer: UnsafeMutablePointer<evhttp_request>?

  init(_ pointer: UnsafeMutablePointer<evhttp_request>) {
    self.pointer = pointer
    let headers = evhttp_request_get_input_headers(pointer)
    request = HTTPRequest(
      method: Self.method(evhttp_request_get_command(pointer)),
      target: evhttp_request_get_uri(pointer).map { String(cString: $0) } ?? "/",
      authorization: evhttp_find_header(headers, "Authorization").map { String(cString: $0) })
  }

  /// Answers; nothing happens when it has been answered or the client is gone.
  func send(_ response: HTTPResponse) {
    guard let pointer, !isStreaming else { return }
    self.pointer = nil
    add(response.headers, to: pointer)
    let content = evbuffer_new()
    defer { if let content { evbuffer_free(content) } }
    if request.method == "HEAD" {
      evhttp_add_header(evhttp_request_get_output_headers(pointer), "Content-Length", "\(response.body.count)")
    } else if let content {
      evbuffer_add(content, response.body, response.body.count)
    }
    evhttp_send_reply(pointer, CInt(response.status), response.reason, content)
  }

  /// Begins an answer without an end; the connection closes behind it.
  func startStream(_ response: HTTPResponse) {
    guard let pointer, !isStreaming else { return }
    isStreaming = true
    add(response.headers + [.init(name: "Connection", value: "close")], to: pointer)
    if let stream = bufferEvent {
      // The client has nothing more to say: only output that does not move ends the connection.
      var limit = timeval(tv_sec: 30, tv_usec: 0)
      bufferevent_set_timeouts(stream, nil, &limit)
      bufferevent_setwatermark(stream, Int16(EV_READ), 0, 4096)
      var one: CInt = 1
      setsockopt(
        bufferevent_getfd(stream), CInt(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<CInt>.size))
    }
    evhttp_send_reply_start(pointer, CInt(response.status), response.reason)
  }

  /// Goes on with a stream.
  func sendChunk(_ bytes: [UInt8]) {
    guard let pointer, isStreaming, let content = evbuffer_new() else { return }
    evbuffer_add(content, bytes, bytes.count)
    evhttp_send_reply_chunk(pointer, content)
    evbuffer_free(content)
  }

  /// Ends a stream; what was sent still arrives.
  func endStream() {
    guard let pointer, isStreaming else { return }
    self.pointer = nil
    evhttp_send_reply_end(pointer)
    onClose()
  }

  /// Cuts the connection.
  func abort() {
    if let pointer, let connection = evhttp_request_get_connection(pointer) { evhttp_connection_free(connection) }
  }

  /// How many bytes wait to leave the process.
  var pendingOutputBytes: Int {
    bufferEvent.flatMap { bufferevent_get_output($0) }.map { evbuffer_get_length($0) } ?? 0
  }

  /// The connection is gone. A request that evhttp has taken off it is ours to free; otherwise it goes with it.
  func connectionClosed() {
    guard let pointer else { return }
    self.pointer = nil
    if evhttp_request_get_connection(pointer) == nil { evhttp_request_free(pointer) }
    onClose()
  }

  private var bufferEvent: OpaquePointer? {
    pointer.flatMap { evhttp_request_get_connection($0) }.flatMap { evhttp_connection_get_bufferevent($0) }
  }

  private func add(_ headers: [HTTPResponse.Header], to pointer: UnsafeMutablePointer<evhttp_request>) {
    let output = evhttp_request_get_output_headers(pointer)
    for header in headers { evhttp_add_header(output, header.name, header.value) }
    evhttp_add_header(output, "X-Content-Type-Options", "nosniff")
    evhttp_add_header(output, "Cache-Control", "no-store")
  }

  private static func method(_ command: evhttp_cmd_type) -> String {
    switch command {
    case EVHTTP_REQ_GET: "GET"
    case EVHTTP_REQ_HEAD: "HEAD"
    case EVHTTP_REQ_POST: "POST"
    case EVHTTP_REQ_PUT: "PUT"
    case EVHTTP_REQ_DELETE: "DELETE"
    case EVHTTP_REQ_OPTIONS: "OPTIONS"
    case EVHTTP_REQ_PATCH: "PATCH"
    default: "OTHER"
    }
  }
}
