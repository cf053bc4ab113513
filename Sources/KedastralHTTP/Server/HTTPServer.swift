import CEvent
import KedastralCore
import KedastralNet

/// HTTP/1.1 on an event loop: evhttp reads requests and writes answers, a router says what they are.
///
/// Loop-bound: it is made, used and released on its loop's thread.
package final class HTTPServer {
  /// The address in use, with the port that the system chose when 0 was asked for.
  package var address: ListenAddress { listener.address }

  private let loop: EventLoop
  private let settings: HTTPServerSettings
  private let router: HTTPRouter
  private let requests: MetricFamily?
  private let listener: Listener
  private var http: OpaquePointer?
  /// The requests whose answers have not left yet, by connection.
  private var open: [OpaquePointer: HTTPExchange] = [:]
  private var closing: (deadline: LoopTimer, whenClosed: () -> Void)?

  /// Starts to listen.
  ///
  /// - Parameter metrics: counts requests by path and status, when given.
  /// - Throws: `Listener.ListenError` when the address cannot be listened on.
  /// - Precondition: the caller runs on the loop's thread.
  package init(
    on loop: EventLoop, settings: HTTPServerSettings, router: HTTPRouter, metrics: MetricsRegistry? = nil
  ) throws {
    self.loop = loop
    self.settings = settings
    self.router = router
    requests = metrics?.counter(
      "kedastral_http_requests_total", help: "HTTP requests answered, by path and status.", labels: ["path", "code"])
    listener = try Listener(on: loop, at: settings.address) { _ in }
    http = evhttp_new(loop.base)
    try listener.hand(to: http)
    guard let http else { return }
    let context = Unmanaged.passUnretained(self).toOpaque()
    evhttp_set_allowed_methods(http, .max)
    evhttp_set_max_headers_size(http, settings.maximumHeaderBytes)
    evhttp_set_max_body_size(http, settings.maximumBodyBytes)
    var timeout = settings.idleTimeout.timeval
    evhttp_set_timeout_tv(http, &timeout)
    if settings.tls != nil {
      evhttp_set_bevcb(http, { _, context in HTTPServer.from(context)?.encryptedConnection() }, context)
    }
    evhttp_set_gencb(
      http,
      { request, context in
        if let request { HTTPServer.from(context)?.handle(request) }
      }, context)
  }

  deinit { free() }

  /// Stops accepting, lets the answers in flight leave, ends event streams, and calls back when all is closed.
  package func close(within limit: Duration, whenClosed: @escaping () -> Void) {
    guard http != nil, closing == nil else { return whenClosed() }
    listener.close()
    let deadline = LoopTimer(on: loop, every: limit, repeating: false) { [unowned self] in finishClosing() }
    closing = (deadline, whenClosed)
    for exchange in open.values where exchange.isStreaming { exchange.endStream() }
    finishClosingIfIdle()
  }

  // MARK: Requests

  private func handle(_ pointer: UnsafeMutablePointer<evhttp_request>) {
    let exchange = HTTPExchange(pointer)
    let context = Unmanaged.passUnretained(self).toOpaque()
    if let connection = evhttp_request_get_connection(pointer) {
      open[connection] = exchange
      evhttp_connection_set_closecb(
        connection,
        { connection, context in
          if let connection { HTTPServer.from(context)?.forget(connection)?.connectionClosed() }
        }, context)
    }
    evhttp_request_set_on_complete_cb(
      pointer,
      { request, context in
        guard let request, let connection = evhttp_request_get_connection(request) else { return }
        _ = HTTPServer.from(context)?.forget(connection)
      }, context)
    answer(exchange)
  }

  private func answer(_ exchange: HTTPExchange) {
    let request = exchange.request
    switch router.match(request) {
    case .unknownPath:
      send(.failure(404, "there is nothing at '\(request.path.prefix(200))'"), to: exchange, path: "other")
    case .wrongMethod(let allowed):
      let problem = "\(request.path) takes \(allowed), not \(request.method)"
      send(.failure(405, problem).with("Allow", allowed), to: exchange, path: request.path)
    case .handler(let handler, let isOpen):
      if !isOpen, let token = settings.token, !token.isShown(by: request.authorization) {
        let refusal = HTTPResponse.failure(401, "a bearer token is needed: send 'Authorization: Bearer <token>'")
        return send(refusal.with("WWW-Authenticate", "Bearer"), to: exchange, path: request.path)
      }
      switch handler(request) {
      case .now(let response): send(response, to: exchange, path: request.path)
      case .later(let work): answerLater(exchange, work)
      case .events(let serve):
        guard request.method == "GET" else {
          return send(HTTPResponse(type: "text/event-stream", body: []), to: exchange, path: request.path)
        }
        requests?.with(request.path, "200").increment()
        serve(EventStream(exchange))
      }
    }
  }

  private func answerLater(_ exchange: HTTPExchange, _ work: @escaping @Sendable () async -> HTTPResponse) {
    let path = exchange.request.path
    let bound = LoopBound((server: self, exchange: exchange, deadline: LoopTimer?.none), to: loop)
    let task = Task {
      let response = await work()
      bound.loop.execute { bound.finish { $0.send(response, to: $1, path: path) } }
    }
    let problem = "\(path) got no answer within \(DurationText.format(settings.answerTimeout))"
    let timer = LoopTimer(on: loop, every: settings.answerTimeout, repeating: false) {
      task.cancel()
      bound.finish { $0.send(.failure(504, problem), to: $1, path: path) }
    }
    bound.withValue { $0.deadline = timer }
    exchange.onClose = { task.cancel() }
  }

  fileprivate func send(_ response: HTTPResponse, to exchange: HTTPExchange, path: String) {
    requests?.with(path, "\(response.status)").increment()
    exchange.send(response)
  }

  // MARK: The end

  private func forget(_ connection: OpaquePointer) -> HTTPExchange? {
    let exchange = open.removeValue(forKey: connection)
    finishClosingIfIdle()
    return exchange
  }

  /// evhttp may be in the middle of a callback now, so it is freed in the loop's next turn.
  private func finishClosingIfIdle() {
    guard closing != nil, open.isEmpty else { return }
    let bound = LoopBound(self, to: loop)
    loop.execute { bound.withValue { $0.finishClosing() } }
  }

  private func finishClosing() {
    guard let closing else { return }
    self.closing = nil
    closing.deadline.cancel()
    free()
    closing.whenClosed()
  }

  private func free() {
    listener.close()
    guard let http else { return }
    self.http = nil
    evhttp_free(http)
    open = [:]
  }

  private func encryptedConnection() -> OpaquePointer? {
    let event = settings.tls?.encryptedServerConnection(on: loop)
    // evhttp would go on in the clear without one.
    precondition(event != nil, "OpenSSL has no memory")
    return event
  }

  private static func from(_ context: UnsafeMutableRawPointer?) -> HTTPServer? {
    context.map { Unmanaged<HTTPServer>.fromOpaque($0).takeUnretainedValue() }
  }
}

extension LoopBound where Value == (server: HTTPServer, exchange: HTTPExchange, deadline: LoopTimer?) {
  /// Gives a late answer, and lets go of what waited for it.
  fileprivate func finish(_ answer: (HTTPServer, HTTPExchange) -> Void) {
    let (server, exchange, deadline) = withValue { $0 }
    guard deadline != nil else { return }
    withValue { $0.deadline = nil }
    answer(server, exchange)
  }
}
