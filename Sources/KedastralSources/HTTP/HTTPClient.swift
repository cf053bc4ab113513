import KedastralCore
import KedastralNet

/// An HTTP/1.1 client on libcurl that runs on an event loop and keeps its connections.
///
///     let client = try HTTPClient(on: EventLoop())
///     let answer = try await client.send(HTTPRequest(HTTPEndpoint("http://127.0.0.1:9090"), path: "/-/ready"))
///     print(answer.status, answer.excerpt)
///
/// It does not follow redirects (a 3xx answer is returned as it is), use a proxy from the environment (unless
/// ``HTTPEndpoint/proxy`` says so), send cookies, or read a `.netrc`. Requests to one host wait in line when
/// ``Settings/maximumRequestsPerHost`` are under way, so a server that hangs does not hold up requests to another one.
package actor HTTPClient {
  /// Settings that apply to all requests.
  package struct Settings: Sendable {
    /// The number of concurrent requests to one scheme, host and port; further requests wait, and their deadline runs.
    package var maximumRequestsPerHost: Int
    /// The URL of a proxy for all requests whose endpoint has no setting; nil for none, whatever `http_proxy` and
    /// similar variables contain.
    package var proxy: String?

    /// Creates settings.
    package init(maximumRequestsPerHost: Int = 16, proxy: String? = nil) {
      self.maximumRequestsPerHost = max(1, maximumRequestsPerHost)
      self.proxy = proxy
    }
  }

  /// The client could not be set up.
  package struct StartError: Error, CustomStringConvertible {
    package var description: String { "HTTP client: libcurl cannot be initialised" }
  }

  /// The loop on whose thread the client works.
  package nonisolated let loop: EventLoop
  package nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

  private struct Host {
    var runningCount = 0
    var waiting: [Int] = []
  }

  private let settings: Settings
  private let multi: CurlMulti
  private var transfers: [Int: CurlTransfer] = [:]
  private var hosts: [String: Host] = [:]
  private var lastIdentifier = 0
  private var isClosed = false

  /// Creates a client; ``close()`` it before its loop stops.
  ///
  /// - Throws: ``StartError`` when libcurl cannot be set up.
  package init(on loop: EventLoop, settings: Settings = Settings()) throws {
    guard let multi = CurlMulti(on: loop) else { throw StartError() }
    self.loop = loop
    self.settings = settings
    self.multi = multi
  }

  deinit {
    // Once closed there is nothing to do, and the loop may have stopped.
    if !isClosed { loop.execute { [multi] in multi.close() } }
  }

  /// Sends a request and returns its whole response, whatever the status.
  ///
  /// - Throws: ``HTTPError`` when there is no response, `CancellationError` as soon as the task is cancelled.
  package func send(_ request: HTTPRequest) async throws -> HTTPResponse { try await perform(request, sink: nil) }

  /// Sends a request whose response may have no end, and returns when it has ended; only the body of an error is in it.
  ///
  /// - Parameters:
  ///   - request: the request; its endpoint's deadline is the longest time without a byte, and its limit is for errors.
  ///   - sink: takes the body of a successful response as it arrives, on the loop's thread, and returns whether it takes more.
  /// - Throws: ``HTTPError`` when the response fails or is cut, `CancellationError` as soon as the task is cancelled.
  package func stream(
    _ request: HTTPRequest, to sink: @escaping @Sendable ([UInt8]) -> Bool
  ) async throws -> HTTPResponse {
    try await perform(request, sink: sink)
  }

  private func perform(
    _ request: HTTPRequest, sink: (@Sendable ([UInt8]) -> Bool)?
  ) async throws -> HTTPResponse {
    try Task.checkCancellation()
    let authorization = try authorization(for: request)
    lastIdentifier += 1
    let identifier = lastIdentifier
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        begin(
          CurlTransfer(
            identifier: identifier, request: request, authorization: authorization, sink: sink,
            continuation: continuation))
      }
    } onCancel: {
      loop.execute { self.assumeIsolated { $0.finish(identifier, .failure(CancellationError())) } }
    }
  }

  /// Fails all requests and closes all connections; later requests fail.
  package func close() {
    isClosed = true
    for (identifier, transfer) in transfers { finish(identifier, .failure(transfer.error(.clientClosed))) }
    multi.close()
  }

  /// Checks that the request can be sent, and reads its secret.
  private func authorization(for request: HTTPRequest) throws -> String? {
    if isClosed { throw HTTPError(request, .clientClosed) }
    if let defect = request.defect { throw HTTPError(request, .invalidRequest(defect)) }
    do {
      return try request.endpoint.credentials.authorization()
    } catch {
      throw HTTPError(request, .credentials("\(error)"))
    }
  }

  private func begin(_ transfer: CurlTransfer) {
    let identifier = transfer.identifier
    transfers[identifier] = transfer
    transfer.deadline = LoopTimer(on: loop, every: transfer.request.endpoint.deadline, repeating: false) {
      [unowned self] in expire(identifier)
    }
    let origin = transfer.request.origin
    hosts[origin, default: Host()].waiting.append(identifier)
    startWaiting(for: origin)
  }

  private func startWaiting(for origin: String) {
    while !isClosed, let host = hosts[origin], host.runningCount < settings.maximumRequestsPerHost,
      let identifier = host.waiting.first
    {
      hosts[origin]?.waiting.removeFirst()
      // Skips requests that were cancelled or have timed out meanwhile.
      if let transfer = transfers[identifier] { start(transfer, origin: origin) }
    }
    if let host = hosts[origin], host.runningCount == 0, host.waiting.isEmpty { hosts[origin] = nil }
  }

  private func start(_ transfer: CurlTransfer, origin: String) {
    let identifier = transfer.identifier
    hosts[origin]?.runningCount += 1
    let proxy = transfer.request.endpoint.proxy.map { $0.url(for: transfer.request) } ?? settings.proxy
    transfer.start(in: multi, proxy: proxy) { result in self.finish(identifier, result) }
  }

  private func expire(_ identifier: Int) {
    guard let transfer = transfers[identifier] else { return }
    let reason = HTTPError.Reason.timedOut(after: transfer.request.endpoint.deadline, phase: transfer.phase)
    finish(identifier, .failure(transfer.error(reason)))
  }

  private func finish(_ identifier: Int, _ result: Result<HTTPResponse, any Error>) {
    guard let transfer = transfers.removeValue(forKey: identifier) else { return }
    transfer.deadline = nil
    transfer.continuation.resume(with: result)
    guard transfer.isStarted else { return }
    transfer.end(in: multi)
    let origin = transfer.request.origin
    hosts[origin]?.runningCount -= 1
    startWaiting(for: origin)
  }
}
