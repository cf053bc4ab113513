import KedastralCore
import KedastralSources

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A small client of the Kubernetes API, on the HTTP client of the sources.
///
/// A request that the server does not process for the moment (429, 5xx, no connection) is repeated after a growing wait, or
/// after what `Retry-After` says; one that may have been processed is repeated only where that is harmless.
package struct KubernetesClient: Sendable {
  /// When requests are repeated.
  package struct Settings: Sendable {
    /// How often a request is sent at most.
    package var attempts: Int
    /// The wait between two attempts, and between two watches.
    package var backoff: Backoff
    /// The longest `Retry-After` that is obeyed, so that a server cannot stop this process.
    package var longestRetryAfter: Duration
    /// The number of objects in each part of a list.
    package var listLimit: Int
    /// The time after which the server ends a watch, which is then started again; up to a third is added. It has to be shorter
    /// than the idle limit: a type of which nothing changes may have no events and no bookmarks either.
    package var watchDuration: Duration
    /// The longest time without a byte of a watch.
    package var watchIdleLimit: Duration
    /// A watch that lasted this long has not failed, whether it had events or not.
    package var steadyWatch: Duration
    /// The longest event of a watch in bytes; objects have at most 1.5 MiB.
    package var longestEvent: Int

    /// Creates settings.
    package init(
      attempts: Int = 4, backoff: Backoff = Backoff(initial: .seconds(1), maximum: .seconds(30)),
      longestRetryAfter: Duration = .seconds(120), listLimit: Int = 500, watchDuration: Duration = .seconds(90),
      watchIdleLimit: Duration = .seconds(150), steadyWatch: Duration = .seconds(30), longestEvent: Int = 4 << 20
    ) {
      self.attempts = max(1, attempts)
      self.backoff = backoff
      self.longestRetryAfter = longestRetryAfter
      self.listLimit = max(1, listLimit)
      self.watchDuration = watchDuration
      self.watchIdleLimit = watchIdleLimit
      self.steadyWatch = steadyWatch
      self.longestEvent = longestEvent
    }
  }

  /// The server and the credentials.
  package let access: ClusterAccess
  let http: HTTPClient
  let settings: Settings
  let clock: any WallClock

  /// Creates a client; it opens no connection before its first request.
  package init(
    _ access: ClusterAccess, http: HTTPClient, settings: Settings = Settings(), clock: any WallClock = SystemWallClock()
  ) {
    self.access = access
    self.http = http
    self.settings = settings
    self.clock = clock
  }

  /// A method of the API.
  enum Method: String {
    case get = "GET"
    case create = "POST"
    case replace = "PUT"
    case patch = "PATCH"
    case delete = "DELETE"

    /// Whether a request that may have been processed can be sent again: it says what is to be, not what is to be added.
    var isRepeatable: Bool { self != .create }
  }

  /// Sends a request, several times if necessary, and returns the body of a successful answer.
  ///
  /// - Throws: ``KubernetesError``, or `CancellationError`.
  func send(
    _ method: Method, _ path: String, contentType: String = "application/json", body: [UInt8]? = nil
  ) async throws -> [UInt8] {
    let headers =
      [HTTPHeader("Accept", "application/json")] + (body == nil ? [] : [HTTPHeader("Content-Type", contentType)])
    let request = HTTPRequest(access.endpoint, method: method.rawValue, path: path, headers: headers, body: body)
    let name = Self.name(method, path)
    var failures = 0
    while true {
      var wait: Duration?
      var failure: KubernetesError
      do {
        let answer = try await http.send(request)
        if answer.isSuccess { return answer.body }
        failure = KubernetesError(request: name, reason: Self.refusal(answer))
        wait = answer.retryAfter
        guard Self.isTemporary(answer.status, method) else { throw failure }
      } catch let error as HTTPError {
        failure = KubernetesError(request: name, reason: .unreachable("\(error.reason)"))
        guard method.isRepeatable, Self.isTemporary(error.reason) else { throw failure }
      }
      failures += 1
      guard failures < settings.attempts else { throw failure }
      try await pause(afterFailures: failures, retryAfter: wait)
    }
  }

  /// Waits before the next attempt: for as long as the server says, within limits, and not shorter than the back-off.
  func pause(afterFailures failures: Int, retryAfter: Duration? = nil) async throws {
    let own = settings.backoff.delay(afterFailures: failures)
    try await clock.sleep(for: max(own, min(retryAfter ?? .zero, settings.longestRetryAfter)))
  }

  /// The request for errors: method and path without the parameters.
  static func name(_ method: Method, _ path: String) -> String { "\(method.rawValue) \(path.prefix { $0 != "?" })" }

  static func refusal(_ answer: HTTPResponse) -> KubernetesError.Reason {
    guard let status = try? JSONDecoder().decode(StatusAnswer.self, from: Data(answer.body)),
      status.message != nil || status.reason != nil
    else { return .refused(status: answer.status, reason: "", message: answer.excerpt) }
    return StatusAnswer(code: nil, reason: status.reason, message: status.message).refusal(status: answer.status)
  }

  /// Whether the same request may succeed later. 429 says that it was not processed; other errors do not.
  private static func isTemporary(_ status: Int, _ method: Method) -> Bool {
    status == 429 || (method.isRepeatable && [500, 502, 503, 504].contains(status))
  }

  private static func isTemporary(_ reason: HTTPError.Reason) -> Bool {
    switch reason {
    case .timedOut, .network, .tls: true
    case .invalidRequest, .credentials, .answerTooLarge, .clientClosed: false
    }
  }

  func decode<Value: Decodable>(_ type: Value.Type, from body: [UInt8], of request: String) throws -> Value {
    do {
      return try JSONDecoder().decode(type, from: Data(body))
    } catch {
      throw KubernetesError(request: request, reason: .unexpectedAnswer(DecodingProblem.text(error)))
    }
  }
}

/// A decoding error in one line.
enum DecodingProblem {
  static func text(_ error: any Error) -> String {
    guard let error = error as? DecodingError else { return "\(error)" }
    let (context, problem) =
      switch error {
      case .keyNotFound(let key, let context): (context, "'\(key.stringValue)' is missing")
      case .typeMismatch(let type, let context): (context, "expected \(type)")
      case .valueNotFound(let type, let context): (context, "expected \(type), got null")
      case .dataCorrupted(let context): (context, context.debugDescription)
      @unknown default: (DecodingError.Context(codingPath: [], debugDescription: ""), "invalid JSON")
      }
    let path = context.codingPath.map { $0.intValue.map { "[\($0)]" } ?? ".\($0.stringValue)" }.joined()
    return path.isEmpty ? problem : "\(path): \(problem)"
  }
}
