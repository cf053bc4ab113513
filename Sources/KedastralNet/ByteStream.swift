import CEvent
import COpenSSL
import Glibc

/// One TCP or TLS connection on an event loop: bytes in, bytes out, and how it ended.
///
/// Loop-bound: it is created and used only on its loop's thread. Set ``onInput`` and ``onEvent`` before the next loop iteration.
package final class ByteStream {
  /// The events of a connection other than received bytes.
  package enum Event {
    /// An outgoing connection is made, the TLS handshake included.
    case connected
    /// All output has left the process.
    case drained
    /// The peer closed its side.
    case closedByPeer
    /// Nothing came, or nothing left, for as long as ``setTimeouts(read:write:)`` allows.
    case timedOut
    /// The connection failed; the text is the reason.
    case failed(String)
  }

  /// Called when there is new input; read it with ``withInput(_:)``.
  package var onInput: () -> Void = {}
  /// Called for everything else; after `closedByPeer`, `timedOut` and `failed` the stream is good for ``close()`` alone.
  package var onEvent: (Event) -> Void = { _ in }

  private let loop: EventLoop
  private var bufferEvent: OpaquePointer?
  private var isPlain: Bool

  /// Takes over an accepted connection.
  package convenience init?(on loop: EventLoop, accepted descriptor: CInt, tls: TLSContext? = nil) {
    self.init(on: loop, descriptor, tls: tls.map { (SSL_new($0.pointer), BUFFEREVENT_SSL_ACCEPTING) })
  }

  /// Takes over a descriptor, whose end is the caller's no more.
  ///
  /// - Parameter tls: the TLS session and its end of the handshake; without one, bytes go as they are. Fails when the session
  ///   could not be made.
  convenience init?(
    on loop: EventLoop, _ descriptor: CInt, tls: (session: OpaquePointer?, state: bufferevent_ssl_state)?
  ) {
    var one: CInt = 1
    // Refused by Unix domain sockets, harmlessly.
    setsockopt(descriptor, CInt(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<CInt>.size))
    let options = Int32(BEV_OPT_CLOSE_ON_FREE.rawValue)
    let event: OpaquePointer?
    if let tls {
      event = tls.session.flatMap {
        bufferevent_openssl_socket_new(loop.base, descriptor, $0, tls.state, options)
      }
    } else {
      event = bufferevent_socket_new(loop.base, descriptor, options)
    }
    guard let event else {
      Glibc.close(descriptor)
      return nil
    }
    self.init(on: loop, event: event, isPlain: tls == nil)
  }

  private init(on loop: EventLoop, event: OpaquePointer, isPlain: Bool) {
    loop.preconditionOnLoop()
    self.loop = loop
    self.isPlain = isPlain
    adopt(event)
  }

  private func adopt(_ event: OpaquePointer) {
    bufferEvent = event
    bufferevent_setcb(
      event,
      { _, context in ByteStream.from(context)?.onInput() },
      { _, context in ByteStream.from(context)?.onEvent(.drained) },
      { _, what, context in ByteStream.from(context)?.handle(what) },
      Unmanaged.passUnretained(self).toOpaque())
    bufferevent_enable(event, Int16(EV_READ | EV_WRITE))
  }

  deinit { close() }

  /// Whether ``close()`` has been called.
  package var isClosed: Bool { bufferEvent == nil }

  /// Whether the peer has shown a certificate that is good.
  package var hasPeerCertificate: Bool {
    bufferEvent.flatMap { bufferevent_openssl_get_ssl($0) }.map { SSL_get0_peer_certificate($0) != nil } ?? false
  }

  /// Passes all bytes received so far to `body`, which returns how many it has consumed.
  package func withInput(_ body: (UnsafeRawBufferPointer) -> Int) {
    guard let bufferEvent, let input = bufferevent_get_input(bufferEvent) else { return }
    let length = evbuffer_get_length(input)
    guard length > 0, let bytes = evbuffer_pullup(input, -1) else { return }
    let consumed = body(UnsafeRawBufferPointer(start: bytes, count: length))
    // `body` may have closed the stream, and its buffers with it.
    if self.bufferEvent != nil { evbuffer_drain(input, consumed) }
  }

  /// Sends bytes, after those sent before. Nothing is ever lost but by the connection's end.
  package func write(_ bytes: UnsafeRawBufferPointer) {
    guard let bufferEvent, let start = bytes.baseAddress, !bytes.isEmpty else { return }
    var sent = 0
    if isPlain, pendingOutput == 0 {
      // Most answers fit into the socket's buffer: one system call now instead of three by way of the loop.
      sent = max(0, send(bufferevent_getfd(bufferEvent), start, bytes.count, CInt(MSG_DONTWAIT) | CInt(MSG_NOSIGNAL)))
    }
    if sent < bytes.count { bufferevent_write(bufferEvent, start + sent, bytes.count - sent) }
  }

  /// How many bytes have been received and not consumed.
  package var pendingInput: Int {
    bufferEvent.flatMap { bufferevent_get_input($0) }.map { evbuffer_get_length($0) } ?? 0
  }

  /// How many bytes wait to leave the process.
  package var pendingOutput: Int {
    bufferEvent.flatMap { bufferevent_get_output($0) }.map { evbuffer_get_length($0) } ?? 0
  }

  /// Ends the connection with `.timedOut` when nothing is read, or pending output does not move, for this long.
  package func setTimeouts(read: Duration?, write: Duration?) {
    guard let bufferEvent else { return }
    var readTime = (read ?? .zero).timeval
    var writeTime = (write ?? .zero).timeval
    withUnsafePointer(to: &readTime) { readPointer in
      withUnsafePointer(to: &writeTime) { writePointer in
        _ = bufferevent_set_timeouts(bufferEvent, read == nil ? nil : readPointer, write == nil ? nil : writePointer)
      }
    }
  }

  /// Stops or resumes reading: back-pressure for a peer that sends faster than it reads.
  package func setReading(_ isReading: Bool) {
    guard let bufferEvent else { return }
    if isReading {
      bufferevent_enable(bufferEvent, Int16(EV_READ))
    } else {
      bufferevent_disable(bufferEvent, Int16(EV_READ))
    }
  }

  /// Tells the peer that no more output will come, while its input is still read; call it when nothing is pending.
  package func endOutput() {
    guard let bufferEvent else { return }
    if let ssl = bufferevent_openssl_get_ssl(bufferEvent) { SSL_shutdown(ssl) }
    shutdown(bufferevent_getfd(bufferEvent), CInt(SHUT_WR))
  }

  /// Keeps a connection whose TLS handshake failed open only for reading, until ``close()``.
  ///
  /// The alert that says why is on its way then. A socket that is closed while the peer still sends is reset, and a peer that
  /// is reset may never read the alert.
  package func endFailedHandshake() {
    guard let failed = bufferEvent else { return }
    let descriptor = dup(bufferevent_getfd(failed))
    close()
    guard descriptor >= 0 else { return }
    shutdown(descriptor, CInt(SHUT_WR))
    guard let event = bufferevent_socket_new(loop.base, descriptor, Int32(BEV_OPT_CLOSE_ON_FREE.rawValue)) else {
      Glibc.close(descriptor)
      return
    }
    isPlain = true
    adopt(event)
  }

  /// Ends the connection at once; output that has not left is dropped.
  package func close() {
    guard let bufferEvent else { return }
    self.bufferEvent = nil
    bufferevent_setcb(bufferEvent, nil, nil, nil, nil)
    if let ssl = bufferevent_openssl_get_ssl(bufferEvent) {
      SSL_set_shutdown(ssl, SSL_RECEIVED_SHUTDOWN)
      SSL_shutdown(ssl)
    }
    bufferevent_free(bufferEvent)
  }

  private func handle(_ what: Int16) {
    let what = Int32(what)
    if what & BEV_EVENT_CONNECTED != 0 {
      onEvent(.connected)
    } else if what & BEV_EVENT_TIMEOUT != 0 {
      onEvent(.timedOut)
    } else if what & BEV_EVENT_EOF != 0 {
      onEvent(.closedByPeer)
    } else if what & BEV_EVENT_ERROR != 0 {
      onEvent(.failed(failureText))
    }
  }

  private var failureText: String {
    let socketError = errno
    guard let bufferEvent else { return errnoText(socketError) }
    let tlsError = bufferevent_get_openssl_error(bufferEvent)
    if tlsError != 0, let reason = ERR_reason_error_string(tlsError) {
      let details = Self.certificateProblem(bufferevent_openssl_get_ssl(bufferEvent)).map { " (\($0))" } ?? ""
      return "TLS: " + String(cString: reason) + details
    }
    return socketError == 0 ? "connection lost" : errnoText(socketError)
  }

  private static func from(_ context: UnsafeMutableRawPointer?) -> ByteStream? {
    context.map { Unmanaged<ByteStream>.fromOpaque($0).takeUnretainedValue() }
  }
}
