import KedastralCore
import KedastralNet

/// HTTP/1.1 on an event loop: connections read requests and write responses, and a router computes the responses.
///
/// Why not evhttp, which comes with libevent: it looks after silence alone, so a client that sends a byte now and then keeps a
/// connection for ever; it cannot limit connections, and its refusals are HTML.
///
/// Loop-bound: it is made, used and released on its loop's thread.
package final class HTTPServer {
  /// The address in use, with the port that the system chose when 0 was asked for.
  package private(set) var address: ListenAddress
  /// Whether no more requests are taken.
  private(set) var isClosing = false

  /// Why something was cut off or refused.
  enum Refusal: String {
    case bodyMemory = "body_memory"
    case connectionLimit = "connection_limit"
    case headerSize = "header_size"
    case malformed
    case requestTimeout = "request_timeout"
    case slowReader = "slow_reader"
    case tlsHandshake = "tls_handshake"
  }

  private let loop: EventLoop
  private let settings: HTTPServerSettings
  private let router: HTTPRouter
  private let aside = SideThread()
  private let logger: KedastralLogger
  private let requests: MetricFamily?
  private let refusals: MetricFamily?
  private let openConnections: Metric?
  private var listener: Listener?
  private var sweeper: LoopTimer?
  private var connections: [ObjectIdentifier: HTTPConnection] = [:]
  private var closing: (deadline: LoopTimer, whenClosed: () -> Void)?
  private var refusalLog = LogThrottle(every: .seconds(10))
  /// The bytes of all bodies that arrive or are being answered.
  private var bodyBytes = 0

  /// Starts to listen.
  ///
  /// - Parameter metrics: counts requests by path and status, and what limits cut off, when given.
  /// - Throws: `Listener.ListenError` when the address cannot be listened on.
  /// - Precondition: the caller runs on the loop's thread.
  package init(
    on loop: EventLoop, settings: HTTPServerSettings, router: HTTPRouter, metrics: MetricsRegistry? = nil,
    logger: KedastralLogger = .silent
  ) throws {
    self.loop = loop
    self.settings = settings
    self.router = router
    self.logger = logger
    requests = metrics?.counter(
      "kedastral_http_requests_total", help: "Number of HTTP requests, by path and status.", labels: ["path", "code"])
    refusals = metrics?.counter(
      "kedastral_http_refusals_total",
      help: "Number of HTTP connections and requests that were closed by a limit, by reason.",
      labels: ["reason"])
    openConnections = metrics?.gauge("kedastral_http_connections", help: "Number of open HTTP connections.").with()
    address = settings.address
    let listener = try Listener(on: loop, at: settings.address) { [unowned self] in accept($0) }
    self.listener = listener
    address = listener.address
    sweeper = LoopTimer(on: loop, every: .milliseconds(500)) { [unowned self] in sweep() }
  }

  deinit { listener?.close() }

  /// Stops accepting, lets the answers in flight leave, ends event streams, and calls back when all is closed.
  package func close(within limit: Duration, whenClosed: @escaping () -> Void) {
    guard !isClosing else { return whenClosed() }
    isClosing = true
    listener?.close()
    listener = nil
    closing = (LoopTimer(on: loop, every: limit, repeating: false) { [unowned self] in finishClosing() }, whenClosed)
    for connection in connections.values { connection.endWhenIdle() }
    finishClosingIfIdle()
  }

  // MARK: Connections

  private func accept(_ descriptor: CInt) {
    guard connections.count < settings.limits.connections else {
      refused(.connectionLimit, "more than \(settings.limits.connections) connections")
      return Listener.refuse(descriptor)
    }
    guard let stream = ByteStream(on: loop, accepted: descriptor, tls: settings.tls?.context) else { return }
    let connection = HTTPConnection(on: self, settings, stream: stream)
    connections[ObjectIdentifier(connection)] = connection
    openConnections?.increment()
  }

  private func sweep() {
    settings.tls?.refresh()
    let now = ContinuousClock.now
    for connection in connections.values { connection.sweep(at: now) }
  }

  func removed(_ connection: HTTPConnection) {
    guard connections.removeValue(forKey: ObjectIdentifier(connection)) != nil else { return }
    openConnections?.increment(by: -1)
    finishClosingIfIdle()
  }

  /// Counts something that a limit cut off, and logs it now and then.
  func refused(_ reason: Refusal, _ text: String) {
    refusals?.with(reason.rawValue).increment()
    guard let skipped = refusalLog.admit(reason.rawValue, at: .now) else { return }
    logger.warn(
      "HTTP client disconnected by a limit", ["reason": reason.rawValue, "detail": text, "notLogged": "\(skipped)"])
  }

  /// Counts an answer.
  func count(_ status: Int, path: String) { requests?.with(path, "\(status)").increment() }

  // MARK: Requests

  /// How many bytes the body of a request may have; nil when its route reads none, or refuses the client.
  func bodyLimit(of request: HTTPRequest, hasCertificate: Bool) -> Int? {
    guard case .handler(_, let access, route: _) = router.match(request),
      refusal(of: request, hasCertificate: hasCertificate, access) == nil
    else { return nil }
    return router.bodyLimit(of: request)
  }

  /// Sets memory aside for a body; false when all bodies together would need too much.
  func reserve(_ bytes: Int) -> Bool {
    guard bodyBytes + bytes <= settings.limits.allBodyBytes else { return false }
    bodyBytes += bytes
    return true
  }

  /// Gives back what was reserved.
  func release(_ bytes: Int) { bodyBytes -= bytes }

  /// Answers a request, now or later.
  func answer(_ exchange: HTTPExchange) {
    let request = exchange.request
    switch router.match(request) {
    case .unknownPath:
      send(.failure(404, "there is nothing at '\(request.path.prefix(200))'"), to: exchange, path: "other")
    case .wrongMethod(let allowed):
      let problem = "\(request.path) supports \(allowed), not \(request.method)"
      send(.failure(405, problem).with("Allow", allowed), to: exchange, path: router.path(of: request) ?? "other")
    case .handler(let handler, let access, let path):
      if let refusal = refusal(of: request, hasCertificate: exchange.hasCertificate, access) {
        return send(refusal, to: exchange, path: path)
      }
      switch handler(request) {
      case .now(let response): send(response, to: exchange, path: path)
      case .later(let work): answerLater(exchange, path, work)
      case .aside(let work): answerAside(exchange, path, work)
      case .events(let serve):
        guard request.method == "GET" else {
          return send(HTTPResponse(type: "text/event-stream", body: []), to: exchange, path: request.path)
        }
        count(200, path: path)
        serve(EventStream(exchange))
      }
    }
  }

  /// Why a client is not let in where not everybody is; nil when it is.
  private func refusal(
    of request: HTTPRequest, hasCertificate: Bool, _ access: HTTPRouter.Access
  ) -> HTTPResponse? {
    let token: BearerToken?
    switch access {
    case .open: return nil
    case .closed: token = settings.token
    case .token(let own): token = own
    }
    if let tls = settings.tls, tls.demandsCertificates, !hasCertificate {
      return .failure(403, "a client certificate is required")
    }
    guard let token, !token.isShown(by: request.authorization) else { return nil }
    return HTTPResponse.failure(401, "a bearer token is required: send 'Authorization: Bearer <token>'")
      .with("WWW-Authenticate", "Bearer")
  }

  private func answerLater(
    _ exchange: HTTPExchange, _ path: String, _ work: @escaping @Sendable () async -> HTTPResponse
  ) {
    let bound = LoopBound((server: self, exchange: exchange, deadline: LoopTimer?.none), to: loop)
    let task = Task {
      let response = await work()
      bound.loop.execute { bound.finish { $0.send(response, to: $1, path: path) } }
    }
    let problem = "\(path) got no response within \(DurationText.format(settings.answerTimeout))"
    let timer = LoopTimer(on: loop, every: settings.answerTimeout, repeating: false) {
      task.cancel()
      bound.finish { $0.send(.failure(504, problem), to: $1, path: path) }
    }
    bound.withValue { $0.deadline = timer }
    exchange.onClose = { task.cancel() }
  }

  private func answerAside(_ exchange: HTTPExchange, _ path: String, _ work: @escaping @Sendable () -> HTTPResponse) {
    let bound = LoopBound((server: self, exchange: exchange), to: loop)
    aside.run {
      let response = work()
      bound.loop.execute {
        let (server, exchange) = bound.withValue { $0 }
        server.send(response, to: exchange, path: path)
      }
    }
  }

  fileprivate func send(_ response: HTTPResponse, to exchange: HTTPExchange, path: String) {
    count(response.status, path: path)
    exchange.send(response)
  }

  // MARK: The end

  /// A connection may be in the middle of a callback now, so everything is let go of in the loop's next turn.
  private func finishClosingIfIdle() {
    guard closing != nil, connections.isEmpty else { return }
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

  /// Ends everything at once.
  func free() {
    listener?.close()
    listener = nil
    sweeper = nil
    for connection in connections.values { connection.close() }
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

/// Where and how an HTTP server listens, and what clients may take of it.
package struct HTTPServerSettings: Sendable {
  /// The address to listen on.
  package var address: ListenAddress
  /// Certificate and key, to speak HTTPS; the server looks after their files. With authorities, give it `clients: .requested`:
  /// probes and the page's own files are for everybody, the rest for clients with a certificate.
  package var tls: TLSIdentity?
  /// The token that clients must show everywhere but on `/healthz`, `/readyz` and the page's own files.
  package var token: BearerToken?
  /// What clients may take.
  package var limits = HTTPLimits()
  /// How long a handler may wait for others.
  package var answerTimeout: Duration = .seconds(10)

  /// Creates settings.
  package init(address: ListenAddress, tls: TLSIdentity? = nil, token: BearerToken? = nil) {
    self.address = address
    self.tls = tls
    self.token = token
  }
}

/// Limits of a server for its clients; what is above a limit is refused without affecting other clients.
package struct HTTPLimits: Sendable, Equatable {
  /// Connections open at once.
  package var connections = 1024
  /// How many bytes a request's line and headers may have; routes that take a body have a limit of their own.
  package var headerBytes = 16 << 10
  /// How many bytes the bodies of all requests may have together, from their announcement to the answer.
  package var allBodyBytes = 64 << 20
  /// The time a request has to arrive, from its first byte; for a new connection, TLS handshake included.
  package var requestTimeout: Duration = .seconds(10)
  /// How long a connection may wait for its next request.
  package var idleTimeout: Duration = .seconds(60)
  /// How long output may wait without moving before the client is cut off.
  package var writeTimeout: Duration = .seconds(30)

  /// The default limits.
  package init() {}
}
