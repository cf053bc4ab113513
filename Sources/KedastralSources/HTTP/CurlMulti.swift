import CCurl
import CEvent
import KedastralNet

/// libcurl's multi interface, driven by an event loop; used only on the loop's thread, except for its creation.
// Safe to share: the methods that other threads may call check that they run on the loop's thread.
final class CurlMulti: @unchecked Sendable {
  private let loop: EventLoop
  private var multi: UnsafeMutableRawPointer?
  private var timer: OpaquePointer?
  private var sockets: [curl_socket_t: OpaquePointer] = [:]
  private var completions: [UnsafeMutableRawPointer: (CURLcode) -> Void] = [:]

  /// libcurl's process-wide initialisation, run once.
  private static let libraryIsReady: Bool = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

  init?(on loop: EventLoop) {
    self.loop = loop
    guard Self.libraryIsReady, let multi = curl_multi_init() else { return nil }
    self.multi = multi
    // The owner calls `close`, which removes all uses of these callbacks, before it releases this object.
    let context = Unmanaged.passUnretained(self).toOpaque()
    timer = event_new(loop.base, -1, 0, { _, _, context in CurlMulti.from(context)?.timeIsUp() }, context)
    // Idle connections kept beyond this number are closed, the oldest first.
    kedastral_curl_multi_setopt_long(multi, CURLMOPT_MAXCONNECTS, 256)
    kedastral_curl_set_socket_callback(
      multi,
      { _, socket, what, context, _ in
        CurlMulti.from(context)?.watch(socket, for: what)
        return 0
      }, context)
    kedastral_curl_set_timer_callback(
      multi,
      { _, milliseconds, context in
        CurlMulti.from(context)?.setTimer(milliseconds: milliseconds)
        return 0
      }, context)
  }

  /// Starts a transfer; `onEnd` is called once, later, unless it is removed before.
  func add(_ easy: UnsafeMutableRawPointer, onEnd: @escaping (CURLcode) -> Void) -> CURLMcode {
    loop.preconditionOnLoop()
    completions[easy] = onEnd
    return curl_multi_add_handle(multi, easy)
  }

  /// Removes a transfer, at any time.
  func remove(_ easy: UnsafeMutableRawPointer) {
    loop.preconditionOnLoop()
    completions[easy] = nil
    curl_multi_remove_handle(multi, easy)
  }

  /// Closes all connections; all transfers must have been removed.
  func close() {
    loop.preconditionOnLoop()
    guard let multi else { return }
    curl_multi_cleanup(multi)
    self.multi = nil
    for event in sockets.values { event_free(event) }
    sockets = [:]
    if let timer { event_free(timer) }
    timer = nil
  }

  // MARK: libcurl's wishes

  private func watch(_ socket: curl_socket_t, for what: CInt) {
    if let old = sockets.removeValue(forKey: socket) { event_free(old) }
    guard what != CURL_POLL_REMOVE else { return }
    var flags = EV_PERSIST
    if what & CURL_POLL_IN != 0 { flags |= EV_READ }
    if what & CURL_POLL_OUT != 0 { flags |= EV_WRITE }
    let context = Unmanaged.passUnretained(self).toOpaque()
    let event = event_new(
      loop.base, socket, Int16(flags), { socket, what, context in CurlMulti.from(context)?.act(on: socket, what) },
      context)
    guard let event else { return }
    event_add(event, nil)
    sockets[socket] = event
  }

  private func setTimer(milliseconds: Int) {
    guard let timer else { return }
    if milliseconds < 0 {
      event_del(timer)
    } else {
      var time = Duration.milliseconds(milliseconds).timeval
      event_add(timer, &time)
    }
  }

  // MARK: The loop's news

  private func act(on socket: curl_socket_t, _ what: Int16) {
    var mask: CInt = 0
    if CInt(what) & EV_READ != 0 { mask |= CURL_CSELECT_IN }
    if CInt(what) & EV_WRITE != 0 { mask |= CURL_CSELECT_OUT }
    advance(socket, mask)
  }

  private func timeIsUp() { advance(CURL_SOCKET_TIMEOUT, 0) }

  private func advance(_ socket: curl_socket_t, _ mask: CInt) {
    var running: CInt = 0
    curl_multi_socket_action(multi, socket, mask, &running)
    var left: CInt = 0
    while let multi, let message = curl_multi_info_read(multi, &left)?.pointee {
      guard message.msg == CURLMSG_DONE, let easy = message.easy_handle else { continue }
      completions.removeValue(forKey: easy)?(message.data.result)
    }
  }

  private static func from(_ context: UnsafeMutableRawPointer?) -> CurlMulti? {
    context.map { Unmanaged<CurlMulti>.fromOpaque($0).takeUnretainedValue() }
  }
}
